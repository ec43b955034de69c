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

/**
 * Masks of the same sizes that are drawn again and again, into the same arrays. A thread beside the program's draws them
 * ahead where it is told what will be asked for, the runtime has threads, and the machine another core: the same bits.
 */
export class RepeatedMasks {
  readonly #sizes: readonly number[];
  #ahead: DrawnAhead | undefined;
  /** Whether something may be drawn ahead. */
  #isPunctual = true;
  #arrays: readonly Uint8Array[] | undefined;

  /**
   * @param sizes - Of the masks, in bytes.
   */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
  }

  /**
   * Gives one mask a size: those drawn ahead where they are the ones, or draws them now. What an earlier call gave is
   * overwritten.
   */
  take(draws: readonly MaskDraw[]): readonly Uint8Array[] {
    const ahead = this.#ahead?.take(draws);
    if (ahead === "late") {
      this.dispose();
      this.#isPunctual = false;
    } else if (ahead !== undefined) {
      return ahead;
    }
    this.#arrays ??= maskArrays(this.#sizes);
    return this.#arrays.map((array, i) => counterMask(draws[i]!.key, draws[i]!.share, array));
  }

  /**
   * Says what the next {@link take} will ask for, which is drawn while the program does something else, into memory that
   * threads share.
   */
  expect(draws: readonly MaskDraw[]): void {
    if (this.#ahead === undefined && this.#isPunctual) {
      this.#ahead = draws.every(({ share }) => share.bits === 8) ? DrawnAhead.start(this.#sizes) : undefined;
      this.#isPunctual = this.#ahead !== undefined;
    }
    if (this.#ahead !== undefined) {
      this.#ahead.begin(draws);
      this.#arrays = undefined;
    }
  }

  /** Frees the thread; what was taken stays as it is. */
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
    const program = bytes >= minBytes && 2 * bytes < 2 ** 32 ? sharedWordProgram(2 * bytes) : undefined;
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
    const arrays = this.#sets[this.#turn]!;
    const masks = draws.map(({ key, share }, i): ThreadMask => {
      const { byteOffset, length } = arrays[i]!;
      return [key.first, key.second, byteOffset, byteOffset + length, share.below];
    });
    const written = masks.filter((_, i) => arrays[i]!.length > 0);
    this.#begun = { job: this.#thread.post(this.#program, written), draws };
  }

  /** The masks, where they are what was begun; "late" where the thread does not answer. */
  take(draws: readonly MaskDraw[]): readonly Uint8Array[] | "late" | undefined {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun === undefined || !areSame(begun.draws, draws)) {
      return undefined;
    }
    if (!this.#thread.wait(begun.job)) {
      return "late";
    }
    const arrays = this.#sets[this.#turn]!;
    this.#turn = 1 - this.#turn;
    return arrays;
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
