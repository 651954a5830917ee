/** The way of a reading as bars: each from where the one before ended. */

import type { Trace, TraceSpan } from "../api/types";

export interface Bar {
  /** shares of the whole, 0 to 1 */
  from: number;
  width: number;
}

export interface StepBar extends Bar {
  step: string;
  service: string;
  at: string;
  /** since the poll began, ms */
  afterMs: number;
  /** of this step alone, ms */
  tookMs: number;
}

/** No bar so thin that it cannot be seen. */
const THINNEST = 0.006;

function bar(fromMs: number, toMs: number, wholeMs: number): Bar {
  if (wholeMs <= 0) return { from: 0, width: THINNEST };
  const from = Math.min(1 - THINNEST, Math.max(0, fromMs / wholeMs));
  return { from, width: Math.min(1 - from, Math.max(THINNEST, (toMs - fromMs) / wholeMs)) };
}

/** Clocks of two machines differ: a step may seem to come before the one that led to it. */
export function stepBars(trace: Pick<Trace, "steps">): { bars: StepBar[]; wholeMs: number } {
  const wholeMs = Math.max(0, ...trace.steps.map((step) => step.after_s * 1_000));
  let before = 0;
  const bars = trace.steps.map((step) => {
    const afterMs = step.after_s * 1_000;
    const made: StepBar = {
      step: step.step,
      service: step.service ?? "",
      at: step.at,
      afterMs,
      tookMs: Math.max(0, afterMs - before),
      ...bar(Math.min(before, afterMs), afterMs, wholeMs),
    };
    before = Math.max(before, afterMs);
    return made;
  });
  return { bars, wholeMs };
}

export interface SpanBar extends Bar {
  span: TraceSpan;
  depth: number;
  tookMs: number;
}

/** Spans as a tree, children after their parents by their beginning. */
export function spanBars(trace: Pick<Trace, "spans">): SpanBar[] {
  const { spans } = trace;
  const began = (span: TraceSpan) => Date.parse(span.began_at);
  const ended = (span: TraceSpan) => Date.parse(span.ended_at);
  const start = Math.min(...spans.map(began));
  const wholeMs = Math.max(...spans.map(ended)) - start;
  const known = new Set(spans.map((span) => span.span_id));
  const out: SpanBar[] = [];
  const add = (parent: string | null, depth: number) => {
    const children = spans.filter((span) =>
      parent === null
        ? span.parent_id === null || !known.has(span.parent_id)
        : span.parent_id === parent,
    );
    for (const span of children.sort((a, b) => began(a) - began(b))) {
      if (out.some((each) => each.span === span)) continue;
      const tookMs = ended(span) - began(span);
      out.push({ span, depth, tookMs, ...bar(began(span) - start, ended(span) - start, wholeMs) });
      add(span.span_id, depth + 1);
    }
  };
  add(null, 0);
  return out;
}
