/** The product's mark; `ui/mark.svg` is the same for the browser's tab. */
export function Mark() {
  return (
    <svg aria-hidden viewBox="0 0 32 32" className="size-6">
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <path
        d="M7 21.5 12 11l4 8 4-8 5 10.5"
        fill="none"
        strokeWidth="2.8"
        strokeLinecap="round"
        strokeLinejoin="round"
        className="stroke-panel"
      />
    </svg>
  );
}
