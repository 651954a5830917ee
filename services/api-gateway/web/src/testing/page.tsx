/** The whole page on a real websocket and a real HTTP server that say what a test has them say. */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { cleanup, render } from "@testing-library/react";
import i18next from "i18next";
import { vi } from "vitest";

import { App, makeQueries } from "../App";
import { setUpLanguages } from "../i18n";
import { Live } from "../live";
import { StreamClient } from "../stream/client";
import type { Kind } from "../stream/messages";
import { setUpBrowser } from "./browser";
import { TestGateway, type Visit } from "./gateway";

export interface Answer {
  status: number;
  body: unknown;
  /** the answer waits for it */
  after?: Promise<unknown>;
}

/** By the beginning of a path; the longest that fits answers. */
export type Answers = Record<string, Answer>;

const NOT_FOUND: Answer = { status: 404, body: { title: "Not found", status: 404 } };

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

function answerTo(answers: Answers, { url = "" }: IncomingMessage): Answer {
  const fits = Object.keys(answers).filter((path) => url.startsWith(path));
  const [longest] = fits.sort((a, b) => b.length - a.length);
  return longest === undefined ? NOT_FOUND : (answers[longest] ?? NOT_FOUND);
}

export class TestPage {
  private constructor(
    readonly gateway: TestGateway,
    private readonly rest: Server,
    private readonly stream: StreamClient,
    /** may be changed while the page is open */
    readonly answers: Answers,
    /** every path that was asked for, with its query */
    readonly asked: readonly string[],
  ) {}

  static async open(path: string, answers: Answers): Promise<TestPage> {
    const gateway = await TestGateway.start();
    const asked: string[] = [];
    const rest = createServer((request, response) => {
      asked.push(request.url ?? "");
      const { status, body, after } = answerTo(answers, request);
      void Promise.resolve(after).then(() => {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => rest.listen(0, "127.0.0.1", resolve));
    setUpBrowser(`http://127.0.0.1:${(rest.address() as AddressInfo).port}`);
    await setUpLanguages();
    await i18next.changeLanguage("en");
    history.replaceState(null, "", path);
    // frames are not what is tested here
    const stream = new StreamClient({
      url: gateway.url,
      schedule: (draw) => setTimeout(draw, 0),
      chance: () => 0,
    });
    stream.start();
    render(<App live={new Live(stream)} queries={makeQueries()} />);
    return new TestPage(gateway, rest, stream, answers, asked);
  }

  /** The page's connection, greeted; and the id of its first subscription to a kind. */
  async joined(kind?: Kind): Promise<{ visit: Visit; id: string }> {
    const visit = await this.gateway.visit(0);
    visit.hello();
    const { id } = await visit.subscription(0, kind);
    return { visit, id };
  }

  async close(): Promise<void> {
    cleanup();
    this.stream.stop();
    await this.gateway.stop();
    this.rest.closeAllConnections();
    this.rest.close();
    vi.unstubAllGlobals();
    history.replaceState(null, "", "/");
  }
}
