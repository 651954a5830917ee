/** Quality flags as texts: which is meant, and of which field. */

export const FLAGS = [
  "endpoint_missing",
  "endpoint_stale",
  "field_missing",
  "field_invalid",
  "unit_unknown",
  "unit_inferred",
  "unit_disputed",
  "clock_skew",
  "repaired",
  "boards_missing",
  "late",
] as const;
export type Flag = (typeof FLAGS)[number];

export interface ReadFlag {
  /** other: one that this page does not know */
  flag: Flag | "other";
  field: string | null;
  said: string;
}

/** `flag` or `flag:field`. */
export function readFlag(said: string): ReadFlag {
  const [name, ...rest] = said.split(":");
  const field = rest.length === 0 ? null : rest.join(":");
  return { flag: FLAGS.find((each) => each === name) ?? "other", field, said };
}
