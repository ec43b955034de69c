import { printableMessage } from "./printable.js";

const marker = Symbol.for("mmgen.error");

/**
 * The root of every error this project throws on purpose.
 *
 * Two copies of a package have two class identities, so test with {@link MmgenError.isInstance}, not `instanceof`.
 * The message names what was expected, what was given, and what to do. It is one line: line breaks become spaces, other
 * control characters are escaped, and what a hostile file makes endless is cut.
 */
export class MmgenError extends Error {
  /** The class's name, stable across copies and minification. */
  static readonly kind: string = "MmgenError";
  declare readonly name: string;
  declare readonly [marker]: readonly string[];

  static {
    // On the prototype, so that the stack, which is written during construction, already begins with the right name.
    Object.defineProperty(MmgenError.prototype, "name", {
      configurable: true,
      get(this: MmgenError): string {
        return (this.constructor as typeof MmgenError).kind;
      },
    });
  }

  constructor(message: string, options?: ErrorOptions) {
    super(printableMessage(message), options);
    const kinds: string[] = [];
    let errorClass: unknown = new.target;
    while (typeof errorClass === "function" && "kind" in errorClass) {
      kinds.push(String(errorClass.kind));
      errorClass = Object.getPrototypeOf(errorClass);
    }
    Object.defineProperty(this, marker, { value: kinds, enumerable: false });
  }

  /** Whether `value` is an error of this class or of one below it, from any copy of the package. */
  static isInstance<This extends { kind: string; prototype: unknown }>(
    this: This,
    value: unknown,
  ): value is This["prototype"] {
    const kinds = (value as { [marker]?: unknown } | null | undefined)?.[marker];
    return Array.isArray(kinds) && kinds.includes(this.kind);
  }
}

/** A tensor or array has another shape, length or dtype than the function takes. */
export class ShapeError extends MmgenError {
  static override readonly kind: string = "ShapeError";
}

/** An option is missing, unknown, of another type, out of range, or contradicts another. */
export class ConfigError extends MmgenError {
  static override readonly kind: string = "ConfigError";
}

/** Input data or a file is missing, truncated, malformed or hostile. */
export class DataError extends MmgenError {
  static override readonly kind: string = "DataError";
}

/** A checkpoint cannot be read, is damaged, or belongs to another model. */
export class CheckpointError extends MmgenError {
  static override readonly kind: string = "CheckpointError";
}

/** A word, character or id is not in the vocabulary. */
export class VocabularyError extends MmgenError {
  static override readonly kind: string = "VocabularyError";
}

/** A sequence leaves its grammar, or a grammar allows no id at all. */
export class GrammarError extends MmgenError {
  static override readonly kind: string = "GrammarError";
}

/** A backend cannot build or run a kernel. */
export class KernelError extends MmgenError {
  static override readonly kind: string = "KernelError";
}

/** The caller's `AbortSignal` fired. `cause` is the signal's reason. */
export class AbortedError extends MmgenError {
  static override readonly kind: string = "AbortedError";
}
