/** The stream's messages (docs/stream.md) as types, and how a text becomes one. */

import type { Alert, Gap, Reading, StatusRow } from "../api/types";

export type Kind = "status" | "reading" | "gap" | "alert";

/** What a snapshot or changes carry: a list for each kind that has any. */
export interface Payload {
  status?: StatusRow[];
  reading?: Reading[];
  gap?: Gap[];
  alert?: Alert[];
}

export type ServerMessage =
  | { type: "hello"; server_at: string; heartbeat_s: number }
  | (Payload & { type: "snapshot"; id: string; more: boolean; cursor?: string })
  | (Payload & { type: "changes"; id: string; cursor: string; coalesced?: number })
  | { type: "resumed"; id: string; cursor: string }
  | { type: "reset"; id: string; reason: string }
  | { type: "heartbeat"; server_at: string; data_at?: string | null }
  | { type: "pong"; server_at: string }
  | { type: "problem"; kind: string; detail: string; id?: string };

export interface Subscription {
  kinds: readonly Kind[];
  miners?: readonly string[];
  sites?: readonly string[];
}

export type ClientMessage =
  | (Subscription & { type: "subscribe"; id: string; cursor?: string })
  | { type: "unsubscribe"; id: string }
  | { type: "ping" };

/** What each type needs to be of use, by the type of the field. */
const NEEDED: Readonly<Record<ServerMessage["type"], Readonly<Record<string, string>>>> = {
  hello: { server_at: "string", heartbeat_s: "number" },
  snapshot: { id: "string", more: "boolean" },
  changes: { id: "string", cursor: "string" },
  resumed: { id: "string", cursor: "string" },
  reset: { id: "string", reason: "string" },
  heartbeat: { server_at: "string" },
  pong: { server_at: "string" },
  problem: { kind: "string", detail: "string" },
};

function isMessage(value: unknown): value is ServerMessage {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  const fields = value as Record<string, unknown>;
  if (typeof fields.type !== "string" || !Object.hasOwn(NEEDED, fields.type)) return false;
  const needed = NEEDED[fields.type as ServerMessage["type"]];
  return Object.entries(needed).every(([name, type]) => typeof fields[name] === type);
}

/** A message, or null for what we do not understand: a newer gateway may say more than we know. */
export function parseMessage(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    return isMessage(value) ? value : null;
  } catch {
    return null;
  }
}
