import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "@mmgen/core";
import type { MultimodalModel } from "../model/multimodal-model.js";
import { describeModel } from "./describe-model.js";
import { type Circumstances, caption, complete, draw, invent } from "./generation-requests.js";
import { type Answer, HttpProblem, jsonAnswer, problemAnswer } from "./http-problem.js";
import { readPage } from "./page.js";
import { readBody } from "./read-body.js";
import { WorkQueue } from "./work-queue.js";

/** Options of {@link startServer}. */
export interface ServerOptions {
  /** Address to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` for all that reach it. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Images that one request may ask for. */
  readonly maxImages: number;
  /** Origin whose pages may use the server, `*` for any. Default: only its own page. */
  readonly cors?: string | undefined;
  /** Receives what fails although the request was right. */
  readonly onDefect: (error: unknown) => void;
}

/** A server that runs. */
export interface RunningServer {
  readonly url: string;
  /** Stops what is under way, answers it, and resolves when all is closed. */
  close(): Promise<void>;
}

/** Requests that wait or run at most. */
const maxWaiting = 32;

const generations = new Map([
  ["/draw", { make: draw, images: false }],
  ["/caption", { make: caption, images: true }],
  ["/invent", { make: invent, images: false }],
  ["/complete", { make: complete, images: false }],
]);

/**
 * Serves a model over HTTP: `POST` `/draw`, `/caption`, `/invent` and `/complete`, `GET` `/` (a page that uses these),
 * `/model` and `/health`. Generations run one after the other, each row as if it had been alone.
 *
 * @param model - Borrowed until the server is closed.
 * @throws a {@link ConfigError} where the port is taken.
 */
export async function startServer(model: MultimodalModel, options: ServerOptions): Promise<RunningServer> {
  const { cors, host, maxImages, onDefect, port } = options;
  const stopping = new AbortController();
  const queue = new WorkQueue(maxWaiting);
  const underWay = new Set<Promise<void>>();
  const looks = new Map<string, Answer | (() => Answer)>([
    ["/", await readPage()],
    ["/health", () => jsonAnswer({ status: "ok", waiting: queue.size })],
    ["/model", jsonAnswer(describeModel(model, maxImages))],
  ]);

  const answerOf = async (request: IncomingMessage, signal: AbortSignal): Promise<Answer> => {
    const path = (request.url ?? "/").split("?")[0]!;
    const [look, generation] = [looks.get(path), generations.get(path)];
    if (look === undefined && generation === undefined) {
      const known = [...looks.keys(), ...generations.keys()].join(", ");
      throw new HttpProblem(404, `there is no such path here. Known: ${known}.`);
    }
    const allowed = look === undefined ? ["POST"] : ["GET", "HEAD"];
    if (cors !== undefined && request.method === "OPTIONS") {
      const headers = { "access-control-allow-methods": allowed.join(", "), "access-control-max-age": "600" };
      return {
        status: 204,
        headers: { ...headers, "access-control-allow-headers": "content-type" },
        type: "",
        body: "",
      };
    }
    if (!allowed.includes(request.method ?? "")) {
      throw new HttpProblem(405, `expected ${allowed.join(" or ")}, got ${request.method}.`, {
        allow: allowed.join(", "),
      });
    }
    if (generation === undefined) {
      return typeof look === "function" ? look() : look!;
    }
    const body = await readBody(request, { images: generation.images });
    const wantsPng = /image\/png/i.test(request.headers.accept ?? "");
    const circumstances: Circumstances = { model, maxImages, wantsPng, signal };
    return queue.run(() => generation.make(body, circumstances), signal);
  };

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stopping.signal]);
    const answer = await answerOf(request, signal).catch((error: unknown) => problemAnswer(error, onDefect));
    const { body, headers, status = 200, type } = answer;
    response.writeHead(status, {
      ...headers,
      ...(type !== "" && { "content-type": type, "content-length": Buffer.byteLength(body) }),
      ...(cors !== undefined && { "access-control-allow-origin": cors, vary: "origin" }),
      ...{ "cache-control": "no-store", "x-content-type-options": "nosniff" },
      ...(stopping.signal.aborted && { connection: "close" }),
    });
    response.end(body);
  };

  const server = createServer((request, response) => {
    const work = respond(request, response).catch(onDefect);
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  });
  // Longer than a work may keep the thread to itself, or a client's next request meets a connection that closes.
  server.keepAliveTimeout = 60_000;
  await listen(server, { host, port });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stopping.abort();
      await Promise.all(underWay);
      server.closeIdleConnections();
      // What was just answered is written; who still sends or reads slowly does not hold up the end.
      setTimeout(() => server.closeAllConnections(), 500).unref();
      await closed;
    },
  };
}

async function listen(
  server: ReturnType<typeof createServer>,
  { host, port }: Pick<ServerOptions, "host" | "port">,
): Promise<void> {
  try {
    await once(server.listen(port, host), "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") {
      throw new ConfigError(`port ${port} of ${host} is taken. Choose another, or 0 for a free one.`, { cause: error });
    }
    throw error;
  }
}
