/** Numbers, units and instants as texts of one language. */

import type { TFunction } from "i18next";

import { ageParts, lengthParts, type DurationPart } from "./duration";
import {
  digitsAfterPoint,
  scaleBytes,
  scaleEfficiency,
  scaleHashrate,
  scalePower,
  type Scaled,
} from "./scale";

/** A figure and its unit apart, so that the unit can stand back. */
export interface Quantity {
  text: string;
  unit: string;
}

/** From here on dollars are told without cents. */
const CENTS_UP_TO = 10_000;

/** Between a figure and its unit: never the end of a line. */
const SPACE = "\u00a0";

export function joined({ text, unit }: Quantity): string {
  return unit === "" ? text : `${text}${SPACE}${unit}`;
}

export class Format {
  private readonly numbers = new Map<number, Intl.NumberFormat>();
  private readonly dollars = new Map<number, Intl.NumberFormat>();
  private readonly clock: Intl.DateTimeFormat;
  private readonly minutes: Intl.DateTimeFormat;
  private readonly day: Intl.DateTimeFormat;

  constructor(
    private readonly language: string,
    private readonly t: TFunction,
  ) {
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    this.clock = new Intl.DateTimeFormat(language, { ...time, second: "2-digit" });
    this.minutes = new Intl.DateTimeFormat(language, time);
    this.day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
  }

  number(value: number, digits = digitsAfterPoint(value)): string {
    let format = this.numbers.get(digits);
    if (format === undefined) {
      format = new Intl.NumberFormat(this.language, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
      this.numbers.set(digits, format);
    }
    return format.format(value);
  }

  count(value: number): string {
    return this.number(value, 0);
  }

  private scaled({ value, unit }: Scaled, digits?: number): Quantity {
    return { text: this.number(value, digits ?? digitsAfterPoint(value)), unit };
  }

  hashrate(hs: number, algorithm: string): Quantity {
    return this.scaled(scaleHashrate(hs, algorithm));
  }

  efficiency(jPerTh: number, algorithm: string): Quantity {
    return this.scaled(scaleEfficiency(jPerTh, algorithm));
  }

  power(watts: number): Quantity {
    const { value, unit } = scalePower(watts);
    return this.scaled({ value, unit }, unit === "W" ? 0 : digitsAfterPoint(value));
  }

  bytes(bytes: number): Quantity {
    return this.scaled(scaleBytes(bytes));
  }

  celsius(value: number): Quantity {
    return { text: this.number(value, Number.isInteger(value) ? 0 : 1), unit: "°C" };
  }

  share(ratio: number): string {
    const percent = ratio * 100;
    return `${this.number(percent, percent >= 99.95 || percent < 0.05 ? 0 : 1)}%`;
  }

  private part({ unit, n }: DurationPart): string {
    return this.t(`age.${unit}`, { n: this.count(n) });
  }

  /** How old: one part, rounded down. */
  age(ms: number): string {
    return this.part(ageParts(ms));
  }

  /** How long: up to two parts. */
  length(ms: number): string {
    return lengthParts(ms)
      .map((part) => this.part(part))
      .join(" ");
  }

  /** Short times, as latencies are: 12 ms, 1.24 s. */
  brief(ms: number): Quantity {
    if (ms === 0) return { text: this.number(0), unit: "s" };
    if (ms < 1_000) return { text: this.number(ms, ms < 10 ? 1 : 0), unit: "ms" };
    if (ms < 60_000) return { text: this.number(ms / 1_000, 2), unit: "s" };
    return { text: this.length(ms), unit: "" };
  }

  /** How long a step took; one too short for the clock's digits is not nothing. */
  took(ms: number): Quantity {
    if (ms >= 0.1) return this.brief(ms);
    return { text: `<${this.number(0.1, 1)}`, unit: "ms" };
  }

  /** The time of day; of another day, with its date. */
  instant(at: Date, now: Date, { seconds = true } = {}): string {
    const time = (seconds ? this.clock : this.minutes).format(at);
    return at.toDateString() === now.toDateString() ? time : `${this.day.format(at)} ${time}`;
  }

  /** US dollars: cents for what one miner earns, none where they count no more. */
  usd(value: number, digits = Math.abs(value) >= CENTS_UP_TO ? 0 : 2): Quantity {
    let format = this.dollars.get(digits);
    if (format === undefined) {
      format = new Intl.NumberFormat(this.language, {
        style: "currency",
        currency: "USD",
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
      this.dollars.set(digits, format);
    }
    // what rounds to nothing is not less than nothing
    return { text: format.format(Math.abs(value) < 0.5 / 10 ** digits ? 0 : value), unit: "" };
  }

  /** What a coin costs: dollars where they are many, else as many digits as count. */
  price(usd: number): Quantity {
    if (usd >= 1_000) return this.usd(usd, 0);
    return usd >= 1 ? this.usd(usd, 2) : { text: this.usdPrecise(usd, 3), unit: "" };
  }

  /** A price or a rate, with as many digits as count. */
  usdPrecise(value: number, digits = 5): string {
    return new Intl.NumberFormat(this.language, {
      style: "currency",
      currency: "USD",
      maximumSignificantDigits: digits,
    }).format(value);
  }

  /** A number with so many digits that count: what somebody reckons on with. */
  precise(value: number, digits = 5): string {
    return new Intl.NumberFormat(this.language, { maximumSignificantDigits: digits }).format(value);
  }

  /** A change as percent with its sign. */
  change(ratio: number): string {
    const text = this.number(Math.abs(ratio * 100), 1);
    const none = Math.abs(ratio) < 0.0005;
    return `${none ? "±" : ratio > 0 ? "+" : "\u2212"}${text}%`;
  }

  date(at: Date): string {
    return this.day.format(at);
  }
}

/** A pool's address as people say it. */
export function withoutScheme(url: string): string {
  return url.replace(/^[a-z0-9+.-]+:\/\//i, "");
}
