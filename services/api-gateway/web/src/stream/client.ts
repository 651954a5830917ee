/** The one websocket: connects, comes back, resumes, and hands on what came once a frame. */

import { delayMs, reasonOf, type Reason } from "./backoff";
import { mergePayloads, newestInstant } from "./coalesce";
import type { Scheduler } from "./frames";
import {
  parseMessage,
  type ClientMessage,
  type Payload,
  type ServerMessage,
  type Subscription,
} from "./messages";

/** Who takes what a subscription brings. */
export interface Handler {
  /** A part of the state as it is now; `first`: forget what was, `last`: this was all. */
  snapshot(payload: Payload, part: { first: boolean; last: boolean }): void;
  changes(payload: Payload): void;
}

export interface ConnectionState {
  /** waiting: for the next attempt, at `retryAt` */
  phase: "connecting" | "live" | "waiting";
  reason: Reason | null;
  retryAt: number | null;
  /** newest instant of any reading, by the server's clock */
  dataAt: number | null;
  /** server's clock minus ours, ms */
  clockOffset: number;
  /** what the gateway did not understand, last */
  problem: string | null;
  /** readings that newer ones overtook because we were slow */
  coalesced: number;
}

export interface StreamOptions {
  url: string;
  schedule: Scheduler;
  now?: () => number;
  chance?: () => number;
}

interface Member {
  subscription: Subscription;
  handler: Handler;
  cursor: string | null;
  inSnapshot: boolean;
}

type Batch =
  | { member: Member; kind: "changes"; payload: Payload; cursor: string }
  | { member: Member; kind: "snapshot"; payload: Payload; last: boolean; cursor: string | null };

const CONNECT_MS = 10_000;
const PROBE_MS = 5_000;
/** Heartbeats that may fail to come before we believe the line dead. */
const PATIENCE = 2.5;
const ABANDONED = 4_000;

const START: ConnectionState = {
  phase: "connecting",
  reason: null,
  retryAt: null,
  dataAt: null,
  clockOffset: 0,
  problem: null,
  coalesced: 0,
};

export class StreamClient {
  private state = START;
  private socket: WebSocket | null = null;
  private attempt = 0;
  private heartbeatMs = 10_000;
  private running = false;
  private lastId = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private batches: Batch[] = [];
  private drawing = false;
  private readonly members = new Map<string, Member>();
  private readonly listeners = new Set<() => void>();
  private readonly now: () => number;
  private readonly chance: () => number;

  constructor(private readonly options: StreamOptions) {
    this.now = options.now ?? Date.now;
    this.chance = options.chance ?? Math.random;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.connect();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.retry);
    this.abandon();
  }

  getState = (): ConnectionState => this.state;

  onState = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Begin a subscription, which lives through breaks. Returns how to end it. */
  subscribe(subscription: Subscription, handler: Handler): () => void {
    this.lastId += 1;
    const id = `s${this.lastId}`;
    const member: Member = { subscription, handler, cursor: null, inSnapshot: false };
    this.members.set(id, member);
    if (this.state.phase === "live") this.ask(id, member);
    return () => {
      this.members.delete(id);
      this.batches = this.batches.filter((batch) => batch.member !== member);
      if (this.state.phase === "live") this.send({ type: "unsubscribe", id });
    };
  }

  /** Try now: the network is back, or somebody looks at the page again. */
  nudge(): void {
    if (!this.running) return;
    if (this.state.phase === "waiting") {
      clearTimeout(this.retry);
      this.connect();
    } else if (this.state.phase === "live") {
      this.send({ type: "ping" });
      this.watch(PROBE_MS);
    }
  }

  private connect(): void {
    this.update({ phase: "connecting", retryAt: null });
    const socket = new WebSocket(this.options.url);
    this.socket = socket;
    // events of a socket that was given up are nobody's business any more
    socket.onmessage = (event) => {
      if (this.socket === socket) this.take(parseMessage(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.ended(reasonOf(event.code));
    };
    this.watch(CONNECT_MS);
  }

  private ended(reason: Reason): void {
    clearTimeout(this.watchdog);
    this.socket = null;
    // what was not drawn was not seen by any cursor either: it comes again
    this.batches = [];
    for (const member of this.members.values()) member.inSnapshot = false;
    const wait = delayMs(reason, this.attempt, this.chance());
    this.attempt += 1;
    this.update({ phase: "waiting", reason, retryAt: this.now() + wait });
    this.retry = setTimeout(() => this.connect(), wait);
  }

  private abandon(): void {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.watchdog);
    socket?.close(ABANDONED);
  }

  /** Without a message for this long the line is dead, whatever TCP believes. */
  private watch(ms: number): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const reason = this.state.phase === "live" ? "silent" : "unreachable";
      this.abandon();
      this.ended(reason);
    }, ms);
  }

  private take(message: ServerMessage | null): void {
    this.watch(this.heartbeatMs * PATIENCE);
    if (message === null) return;
    switch (message.type) {
      case "hello":
        this.heartbeatMs = message.heartbeat_s * 1_000;
        this.watch(this.heartbeatMs * PATIENCE);
        this.update({ phase: "live", reason: null, problem: null, ...this.timed(message) });
        for (const [id, member] of this.members) this.ask(id, member);
        break;
      case "heartbeat":
        this.attempt = 0;
        this.update({ ...this.timed(message), ...this.dated(message.data_at) });
        break;
      case "pong":
        this.update(this.timed(message));
        break;
      case "problem":
        this.update({ problem: message.detail });
        break;
      default:
        this.takeForMember(message);
    }
  }

  private takeForMember(message: Extract<ServerMessage, { id: string }>): void {
    const member = this.members.get(message.id);
    if (member === undefined) return;
    this.attempt = 0;
    switch (message.type) {
      case "snapshot":
        this.queue({
          member,
          kind: "snapshot",
          payload: message,
          last: !message.more,
          cursor: message.cursor ?? null,
        });
        break;
      case "changes":
        if (message.coalesced) this.update({ coalesced: this.state.coalesced + message.coalesced });
        this.queue({ member, kind: "changes", payload: message, cursor: message.cursor });
        break;
      case "resumed":
        member.cursor = message.cursor;
        break;
      case "reset":
        member.cursor = null;
        break;
    }
  }

  private queue(batch: Batch): void {
    const last = this.batches.at(-1);
    if (batch.kind === "changes" && last?.kind === "changes" && last.member === batch.member) {
      last.payload = mergePayloads(last.payload, batch.payload);
      last.cursor = batch.cursor;
    } else {
      this.batches.push(batch);
    }
    if (this.drawing) return;
    this.drawing = true;
    this.options.schedule(() => this.draw());
  }

  private draw(): void {
    this.drawing = false;
    const batches = this.batches;
    this.batches = [];
    let newestAt: number | null = null;
    for (const { member, payload, ...batch } of batches) {
      if (batch.kind === "snapshot") {
        member.handler.snapshot(payload, { first: !member.inSnapshot, last: batch.last });
        member.inSnapshot = !batch.last;
      } else {
        member.handler.changes(payload);
      }
      // only now has it been seen: a break before this instant asks for it again
      member.cursor = batch.cursor ?? member.cursor;
      const at = newestInstant(payload);
      if (at !== null) newestAt = Math.max(newestAt ?? at, at);
    }
    if (newestAt !== null) this.update(this.later(newestAt));
  }

  private ask(id: string, member: Member): void {
    const { cursor, subscription } = member;
    this.send({ type: "subscribe", id, ...subscription, ...(cursor === null ? {} : { cursor }) });
  }

  private send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private timed(message: { server_at: string }): Partial<ConnectionState> {
    const serverAt = Date.parse(message.server_at);
    return Number.isNaN(serverAt) ? {} : { clockOffset: serverAt - this.now() };
  }

  private dated(dataAt: string | null | undefined): Partial<ConnectionState> {
    const at = Date.parse(dataAt ?? "");
    return Number.isNaN(at) ? {} : this.later(at);
  }

  private later(at: number): Partial<ConnectionState> {
    return { dataAt: Math.max(this.state.dataAt ?? at, at) };
  }

  private update(change: Partial<ConnectionState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
