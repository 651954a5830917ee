import { ToggleGroup } from "radix-ui";
import type { ReactNode } from "react";

interface Segment<T extends string> {
  value: T;
  label: ReactNode;
}

const GROUP = "inline-flex rounded-md border border-line bg-ground p-0.5";
const ITEM =
  "inline-flex h-7 items-center gap-1.5 rounded-[5px] px-2.5 text-xs font-medium whitespace-nowrap text-ink-2 hover:text-ink data-[state=on]:bg-panel data-[state=on]:text-ink data-[state=on]:shadow-sm data-[state=on]:ring-1 data-[state=on]:ring-line";

interface OneProps<T extends string> {
  label: string;
  segments: readonly Segment<T>[];
  value: T;
  onChoose: (value: T) => void;
}

/** One of a few, all in sight. */
export function OneSegment<T extends string>({ label, segments, value, onChoose }: OneProps<T>) {
  const choose = (chosen: string) => {
    const segment = segments.find((each) => each.value === chosen);
    if (segment !== undefined) onChoose(segment.value);
  };
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      onValueChange={choose}
      className={GROUP}
    >
      {segments.map((segment) => (
        <ToggleGroup.Item key={segment.value} value={segment.value} className={ITEM}>
          {segment.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}

interface SomeProps<T extends string> {
  label: string;
  segments: readonly Segment<T>[];
  values: readonly T[];
  onChoose: (values: T[]) => void;
}

/** Any of a few, all in sight; in their own order, whatever order they are chosen in. */
export function SomeSegments<T extends string>({ label, segments, values, onChoose }: SomeProps<T>) {
  const choose = (chosen: string[]) =>
    onChoose(segments.map(({ value }) => value).filter((value) => chosen.includes(value)));
  return (
    <ToggleGroup.Root
      type="multiple"
      aria-label={label}
      value={[...values]}
      onValueChange={choose}
      className={GROUP}
    >
      {segments.map((segment) => (
        <ToggleGroup.Item key={segment.value} value={segment.value} className={ITEM}>
          {segment.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
