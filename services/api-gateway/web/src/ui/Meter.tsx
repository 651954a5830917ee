import { FILL, type Tone } from "./tone";

/** A share as a thin bar; its figure must stand beside it. */
export function Meter({ share, tone }: { share: number; tone: Tone }) {
  const width = `${Math.min(1, Math.max(0, share)) * 100}%`;
  return (
    <span aria-hidden className="block h-[3px] w-full overflow-hidden rounded-full bg-raised">
      <span className={`block h-full rounded-full ${FILL[tone]} ${tone === "ok" ? "opacity-55" : ""}`} style={{ width }} />
    </span>
  );
}
