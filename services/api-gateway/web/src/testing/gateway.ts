/** A gateway for tests: real websockets that say what a test has them say. */

import type { AddressInfo } from "node:net";

import { WebSocketServer, type WebSocket as Peer } from "ws";

import type { ClientMessage, Kind } from "../stream/messages";

const WAIT_MS = 10_000;

/** Waits until a condition holds; fails with what was awaited. */
export async function until<T>(what: string, found: () => T | null | undefined | false): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline) {
    const value = found();
    if (value !== null && value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not within ${WAIT_MS} ms: ${what}`);
}

export class Visit {
  readonly said: ClientMessage[] = [];
  closed = false;

  constructor(private readonly peer: Peer) {
    peer.on("message", (data: Buffer) => {
      this.said.push(JSON.parse(data.toString()) as ClientMessage);
    });
    peer.on("close", () => {
      this.closed = true;
    });
  }

  send(message: unknown): void {
    this.peer.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  hello(heartbeat_s = 10): void {
    this.send({ type: "hello", server_at: new Date().toISOString(), heartbeat_s, limits: {} });
  }

  close(code: number): void {
    this.peer.close(code);
  }

  /** As a cable that is pulled: no word of farewell. */
  vanish(): void {
    this.peer.terminate();
  }

  /** @param kind - one of those that it asks for; without it any but the alerts' own */
  subscription(at = 0, kind?: Kind): Promise<Extract<ClientMessage, { type: "subscribe" }>> {
    const wanted = (kinds: readonly Kind[]) =>
      kind === undefined ? kinds.some((each) => each !== "alert") : kinds.includes(kind);
    return until("a subscription", () =>
      this.said
        .filter((message) => message.type === "subscribe")
        .filter(({ kinds }) => wanted(kinds))
        .at(at),
    );
  }
}

export class TestGateway {
  readonly visits: Visit[] = [];
  private constructor(private readonly server: WebSocketServer) {
    server.on("connection", (peer) => this.visits.push(new Visit(peer)));
  }

  static async start(port = 0): Promise<TestGateway> {
    const server = new WebSocketServer({ host: "127.0.0.1", port });
    await new Promise<void>((resolve) => server.once("listening", resolve));
    return new TestGateway(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  visit(at: number): Promise<Visit> {
    return until(`visit ${at}`, () => this.visits[at]);
  }

  async stop(): Promise<void> {
    for (const peer of this.server.clients) peer.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
