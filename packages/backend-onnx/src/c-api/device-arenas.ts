import type { Arena } from "./arena.js";

/** A card's arena as a session wants it. */
export interface WantedArena {
  readonly deviceId: number;
  /** Most bytes that it takes; undefined for all there are. */
  readonly limit: number | undefined;
}

/** The arenas on cards, one a card, as long as the process lives. */
export class DeviceArenas {
  readonly #made = new Map<number, { readonly limit: number | undefined; readonly arena: Arena | undefined }>();

  /**
   * The arena of a card: the first session's, whose limit counts. Undefined for a session with another limit and where
   * ONNX Runtime has none: such a session has an arena of its own.
   *
   * @param make - Called once a card.
   */
  of({ deviceId, limit }: WantedArena, make: () => Arena | undefined): Arena | undefined {
    const found = this.#made.get(deviceId) ?? { limit, arena: make() };
    this.#made.set(deviceId, found);
    return found.limit === limit ? found.arena : undefined;
  }
}
