/** Which unit a number is shown in: hashrates and efficiencies by algorithm, power by size. */

export interface Scaled {
  value: number;
  unit: string;
}

interface Step {
  unit: string;
  factor: number;
}

const HASHRATES: readonly Step[] = [
  { unit: "H/s", factor: 1 },
  { unit: "kH/s", factor: 1e3 },
  { unit: "MH/s", factor: 1e6 },
  { unit: "GH/s", factor: 1e9 },
  { unit: "TH/s", factor: 1e12 },
  { unit: "PH/s", factor: 1e15 },
  { unit: "EH/s", factor: 1e18 },
];

/** A miner's own unit; totals climb from it, nothing falls below it. */
const OWN_UNIT: Readonly<Record<string, string>> = { scrypt: "GH/s", sha256d: "TH/s" };

/** From here on the next larger unit reads better: 9,999 TH/s, then 10 PH/s. */
const TOO_LONG = 10_000;

/** The step a number is shown at: the first, from `lowest`, at which it is not too long. */
function climb(steps: readonly Step[], lowest: number, value: number): Step {
  const fit = steps.findIndex((step, at) => at >= lowest && Math.abs(value) < step.factor * TOO_LONG);
  const step = steps[fit === -1 ? steps.length - 1 : fit];
  if (step === undefined) throw new Error("no steps");
  return step;
}

/** The unit for the hashrates of one column, chart or total, given its largest. */
export function hashrateStep(algorithm: string, largestHs: number): Step {
  const own = HASHRATES.findIndex((step) => step.unit === OWN_UNIT[algorithm]);
  if (own !== -1) return climb(HASHRATES, own, largestHs);
  // an algorithm that we do not know: the largest unit that leaves a whole number before the point
  return HASHRATES.findLast((step) => Math.abs(largestHs) >= step.factor) ?? { unit: "H/s", factor: 1 };
}

/** H/s, as people who mine `algorithm` say it. */
export function scaleHashrate(hs: number, algorithm: string): Scaled {
  const { unit, factor } = hashrateStep(algorithm, hs);
  return { value: hs / factor, unit };
}

/**
 * J/TH, as people who mine `algorithm` say it. Scrypt miners make some GH/s, so theirs is J/GH:
 * watts divided by the hashrate as it is shown. An L9 is about 210 J/GH (0.21 J/MH).
 */
export function scaleEfficiency(jPerTh: number, algorithm: string): Scaled {
  return algorithm === "scrypt"
    ? { value: jPerTh / 1e3, unit: "J/GH" }
    : { value: jPerTh, unit: "J/TH" };
}

const POWERS: readonly Step[] = [
  { unit: "W", factor: 1 },
  { unit: "kW", factor: 1e3 },
  { unit: "MW", factor: 1e6 },
];

/** Watts: one miner's in W, a farm's in kW or MW. */
export function scalePower(watts: number): Scaled {
  const { unit, factor } = climb(POWERS, 0, watts);
  return { value: watts / factor, unit };
}

const BYTES: readonly Step[] = [
  { unit: "B", factor: 1 },
  { unit: "KiB", factor: 1024 },
  { unit: "MiB", factor: 1024 ** 2 },
  { unit: "GiB", factor: 1024 ** 3 },
];

/** Bytes, in binary units. */
export function scaleBytes(bytes: number): Scaled {
  const step = BYTES.findLast((each) => Math.abs(bytes) >= each.factor) ?? { unit: "B", factor: 1 };
  return { value: bytes / step.factor, unit: step.unit };
}

/** Digits after the point that leave about three that count. */
export function digitsAfterPoint(value: number): number {
  const size = Math.abs(value);
  if (size >= 100) return 0;
  if (size >= 10) return 1;
  return size === 0 ? 0 : 2;
}
