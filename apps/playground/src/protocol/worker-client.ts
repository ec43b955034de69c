import type { EventOf, FromWorker, ParamsOf, RequestKind, ResultOf, ToWorker } from "./messages.js";

/** One end of a channel: a worker, or a port of a `MessageChannel`. */
export interface Channel {
  postMessage(message: unknown): void;
  // biome-ignore lint/suspicious/noExplicitAny: workers and ports have events of different types.
  addEventListener(type: string, listener: (event: any) => void): void;
  terminate?(): void;
}

/** Surroundings of a request. */
export interface RequestOptions<Event> {
  /** Hears what the worker tells meanwhile. Default: nobody does. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** Stops the request, whose promise then fails with an `AbortError`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onEvent: ((event: never) => void) | undefined;
}

/** Asks a worker, which answers requests one after the other. */
export class WorkerClient {
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.addEventListener("message", ({ data }: { readonly data: FromWorker }) => this.#receive(data));
    channel.addEventListener("error", ({ message }: { readonly message?: string }) => this.#fail(message));
  }

  /**
   * Sends a request and waits for its result.
   *
   * @param params - Copied, whatever is in it.
   * @throws an error with the worker's name and sentence.
   */
  request<Kind extends RequestKind>(
    kind: Kind,
    params: ParamsOf<Kind>,
    { onEvent, signal }: RequestOptions<EventOf<Kind>> = {},
  ): Promise<ResultOf<Kind>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new DOMException("Stopped.", "AbortError"));
        return;
      }
      signal?.addEventListener("abort", () => this.#send({ id, cancel: true }), { once: true });
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onEvent });
      this.#send({ id, kind, params });
    });
  }

  /** Ends the worker, with whatever it does. */
  close(): void {
    this.#channel.terminate?.();
    this.#fail("it was ended");
  }

  #send(message: ToWorker): void {
    this.#channel.postMessage(message);
  }

  #receive(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if ("event" in message) {
      pending?.onEvent?.(message.event as never);
      return;
    }
    this.#pending.delete(message.id);
    if ("result" in message) {
      pending?.resolve(message.result);
      return;
    }
    const { name, message: sentence } = message.error;
    pending?.reject(Object.assign(new Error(sentence), { name }));
  }

  /** A worker that cannot run answers nothing more. */
  #fail(message = "its script could not be loaded"): void {
    for (const { reject } of this.#pending.values()) {
      reject(new Error(`The worker stopped: ${message}. Reload the page.`));
    }
    this.#pending.clear();
  }
}

/** Whether a request failed because it was stopped. */
export function isStopped(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "AbortedError");
}
