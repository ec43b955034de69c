import { ConfigError } from "@mmgen/core";
import { findPackage } from "../runtime/find-package.js";
import type { Argument } from "./api-functions.js";

/** The parts of koffi 3 that this package uses. Addresses are BigInts. */
export interface Koffi {
  readonly version: string;
  load(path: string): Library;
  /** A function's type; anonymous, as names are unique in the process. */
  proto(definition: string): object;
  /** Reads a value of a type at an address, or `length` of them. */
  decode(address: bigint, type: object | string, length?: number): unknown;
  address(value: ArrayBufferView): bigint;
}

/** A native library, loaded as long as this object lives. */
export interface Library {
  func(definition: string): NativeFunction;
}

export type NativeFunction = (...args: Argument[]) => unknown;

const name = "koffi";

/**
 * Loads koffi, which calls functions of native libraries.
 *
 * @param here - URL of this package's file; undefined where a bundler took it away.
 * @throws ConfigError when it is not installed, too old, or has no build for this machine.
 */
export function loadKoffi(here = import.meta.url as string | undefined): Koffi {
  let koffi: Koffi | undefined;
  try {
    koffi = findPackage(name, here, (require) => require(name) as Koffi);
  } catch (cause) {
    if (ConfigError.isInstance(cause)) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
    throw new ConfigError(
      `The runtime "c-api" cannot load the package ${name} on ${process.platform} ${process.arch}: ${reason.slice(0, 200)}. ${otherwise}`,
      { cause },
    );
  }
  if (koffi === undefined) {
    throw new ConfigError(
      `The runtime "c-api" needs the package ${name}, which is not installed here. Install it: "npm install --ignore-scripts ${name}". ${otherwise}`,
    );
  }
  if (Number.parseInt(koffi.version, 10) < 3) {
    throw new ConfigError(
      `The runtime "c-api" needs ${name} 3 or later, got ${koffi.version}. Update it: "npm install --ignore-scripts ${name}@3". ${otherwise}`,
    );
  }
  return koffi;
}

const otherwise = 'Or take the other runtime: useOnnx({ runtime: "binding" }).';
