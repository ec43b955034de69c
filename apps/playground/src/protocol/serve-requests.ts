import type { EventOf, FromWorker, ParamsOf, RequestKind, ResultOf, ToWorker } from "./messages.js";
import type { Channel } from "./worker-client.js";

/** What a handler has beside its parameters. */
export interface RequestContext<Event> {
  /** Tells the page; await it, so that a request to stop can come in between. */
  readonly tell: (event: Event) => Promise<void>;
  /** Fires when the page no longer wants the result. */
  readonly signal: AbortSignal;
}

/** Answers requests of one kind. */
export type Handler<Kind extends RequestKind> = (
  params: ParamsOf<Kind>,
  context: RequestContext<EventOf<Kind>>,
) => Promise<ResultOf<Kind>>;

/** A handler of each kind. */
export type Handlers = { readonly [Kind in RequestKind]: Handler<Kind> };

/** Answers the requests that come through a channel, one after the other: models and their backend do one thing at a time. */
export function serveRequests(channel: Channel, handlers: Handlers): void {
  const controllers = new Map<number, AbortController>();
  const send = (message: FromWorker) => channel.postMessage(message);
  let last: Promise<void> = Promise.resolve();

  const answer = async (id: number, kind: RequestKind, params: unknown, { signal }: AbortController) => {
    const tell = async (event: unknown) => {
      send({ id, event });
      await nextTask();
    };
    try {
      signal.throwIfAborted();
      const handler = handlers[kind] as (params: unknown, context: RequestContext<unknown>) => Promise<unknown>;
      send({ id, result: await handler(params, { tell, signal }) });
    } catch (error) {
      const { message, name } = error instanceof Error ? error : { message: String(error), name: "Error" };
      send({ id, error: { name, message } });
    } finally {
      controllers.delete(id);
    }
  };

  channel.addEventListener("message", ({ data }: { readonly data: ToWorker }) => {
    if ("cancel" in data) {
      controllers.get(data.id)?.abort();
      return;
    }
    const controller = new AbortController();
    controllers.set(data.id, controller);
    last = last.then(() => answer(data.id, data.kind, data.params, controller));
  });
}

/** Resolves once the messages that have come in were received; a timeout would wait for 4 ms. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
