import { type CounterKey, counterMask, type DropShare, maskArrays } from "./counter-words.js";
import { MaskThread, type ThreadMask } from "./mask-thread.js";
import { blockBytes, type SharedWordProgram, sharedWordProgram } from "./word-program.js";

/** What {@link counterMask} draws of. */
export interface MaskDraw {
  readonly key: CounterKey;
  readonly share: DropShare;
}

/** Fewer bytes are drawn before a thread could be told. */
const minBytes = 2 ** 18;

/** Of more, a second set would take memory where it is scarce; what a step computes with so many takes far longer. */
const maxBytes = 2 ** 25;

/**
 * Masks of the same sizes that are drawn again and again, into the same arrays. A thread beside the program's draws them
 * ahead where it is told what will be asked for, the runtime has threads, and the machine another core: the same bits.
 */
export class RepeatedMasks {
  readonly #sizes: readonly number[];
  #ahead: DrawnAhead | undefined;
  #arrays: readonly Uint8Array[] | undefined;

  /**
   * @param sizes - Of the masks, in bytes.
   * @param options - `ahead`: whether {@link expect} will be called, and memory that threads share will do; masks of more
   *   than 8 bits are drawn as they are asked for. Default: false.
   */
  constructor(sizes: readonly number[], { ahead = false }: { readonly ahead?: boolean } = {}) {
    this.#sizes = sizes;
    this.#ahead = ahead ? DrawnAhead.start(sizes) : undefined;
  }

  /**
   * Gives one mask a size: those drawn ahead where they are the ones, or draws them now. What an earlier call gave is
   * overwritten.
   */
  take(draws: readonly MaskDraw[]): readonly Uint8Array[] {
    const ahead = this.#ahead?.take(draws);
    if (ahead !== undefined) {
      return ahead;
    }
    this.dispose();
    this.#arrays ??= maskArrays(this.#sizes);
    return this.#arrays.map((array, i) => counterMask(draws[i]!.key, draws[i]!.share, array));
  }

  /** Says what the next {@link take} will ask for, which is drawn while the program does something else. */
  expect(draws: readonly MaskDraw[]): void {
    this.#ahead?.begin(draws);
  }

  /** Frees the thread; what was taken stays as it is, and what is asked for later is drawn then. */
  dispose(): void {
    this.#ahead?.dispose();
    this.#ahead = undefined;
  }
}

/** Two sets of masks: one is read while the other is drawn. */
class DrawnAhead {
  readonly #program: SharedWordProgram;
  readonly #thread: MaskThread;
  readonly #sets: readonly (readonly Uint8Array[])[];
  /** Of the set that is drawn next. */
  #turn = 0;
  #begun: { readonly job: number; readonly draws: readonly MaskDraw[] } | undefined;

  private constructor(program: SharedWordProgram, thread: MaskThread, sets: readonly (readonly Uint8Array[])[]) {
    this.#program = program;
    this.#thread = thread;
    this.#sets = sets;
  }

  /** Undefined where nothing can be drawn ahead, or is worth it. */
  static start(sizes: readonly number[]): DrawnAhead | undefined {
    const blocks = sizes.map((size) => Math.ceil(size / blockBytes) * blockBytes);
    const bytes = blocks.reduce((sum, size) => sum + size, 0);
    const program = bytes >= minBytes && bytes <= maxBytes ? sharedWordProgram(2 * bytes) : undefined;
    const thread = program && MaskThread.acquire(program);
    if (thread === undefined) {
      return undefined;
    }
    let at = 0;
    const array = (size: number, i: number) => {
      const found = program!.memory.subarray(at, at + size);
      at += blocks[i]!;
      return found;
    };
    return new DrawnAhead(program!, thread, [sizes.map(array), sizes.map(array)]);
  }

  begin(draws: readonly MaskDraw[]): void {
    const masks = this.#masksOf(draws);
    this.#begun = masks && { job: this.#thread.post(this.#program, masks), draws };
  }

  /** The masks, drawn now where they are not what was begun; undefined where they cannot be, or the thread does not answer. */
  take(draws: readonly MaskDraw[]): readonly Uint8Array[] | undefined {
    const begun = this.#begun;
    this.#begun = undefined;
    // What is still being written must not be written again.
    if (begun !== undefined && !this.#thread.wait(begun.job)) {
      return undefined;
    }
    if (begun === undefined || !areSame(begun.draws, draws)) {
      const masks = this.#masksOf(draws);
      if (masks === undefined) {
        return undefined;
      }
      for (const mask of masks) {
        this.#program.mask(...mask);
      }
    }
    const arrays = this.#sets[this.#turn]!;
    this.#turn = 1 - this.#turn;
    return arrays;
  }

  /** What writes them into the set whose turn it is; undefined where they take more than 8 bits. */
  #masksOf(draws: readonly MaskDraw[]): ThreadMask[] | undefined {
    const arrays = this.#sets[this.#turn]!;
    const masks = draws.map(({ key, share }, i): ThreadMask => {
      const { byteOffset, length } = arrays[i]!;
      return [key.first, key.second, byteOffset, byteOffset + length, share.below];
    });
    return draws.every(({ share }) => share.bits === 8) ? masks.filter((_, i) => arrays[i]!.length > 0) : undefined;
  }

  dispose(): void {
    this.#thread.release();
  }
}

function areSame(draws: readonly MaskDraw[], others: readonly MaskDraw[]): boolean {
  return (
    draws.length === others.length &&
    draws.every(({ key, share }, i) => {
      const other = others[i]!;
      return (
        key.first === other.key.first &&
        key.second === other.key.second &&
        share.bits === other.share.bits &&
        share.below === other.share.below
      );
    })
  );
}
