import { ConfigError, KernelError } from "@mmgen/core";
import { cannotLoadOrt } from "../runtime/load-ort.js";
import { type Argument, procedures, statusFunctions } from "./api-functions.js";
import { type Koffi, type Library, loadKoffi, type NativeFunction } from "./load-koffi.js";

/** Version of the C API: that in which the last function of the table appeared. */
const apiVersion = 23;

type Calls = { readonly [Name in keyof typeof statusFunctions]: (...args: Argument[]) => void };
type Procedures = { readonly [Name in keyof typeof procedures]: (...args: Argument[]) => void };

/** ONNX Runtime's C API. Its functions are called on the calling thread, and return when they have finished. */
export class OrtApi {
  readonly koffi: Koffi;
  /** The version of the library: `"1.30.0"`. */
  readonly version: string;
  /** Functions that may fail. @throws KernelError with ONNX Runtime's reason. */
  readonly call: Calls;
  /** Functions that cannot fail: mostly releases. */
  readonly do: Procedures;
  /** Held as long as the functions: koffi unloads a library that nobody holds. */
  readonly library: Library;
  readonly #out = new BigUint64Array(1);

  /**
   * @param library - Path of ONNX Runtime's library.
   * @throws ConfigError where koffi is missing, or the library does not load or is too old.
   */
  constructor(library: string, koffi = loadKoffi()) {
    this.koffi = koffi;
    this.library = open(koffi, library);
    const base = this.library.func("void* OrtGetApiBase()")() as bigint;
    // struct OrtApiBase { const OrtApi* (*GetApi)(uint32_t version); const char* (*GetVersionString)(void); }
    const [getApi, getVersion] = koffi.decode(base, "void*", 2) as [bigint, bigint];
    this.version = this.#bind(getVersion, "const char*", "")() as string;
    const api = this.#bind(getApi, "void*", "uint32_t version")(apiVersion) as bigint | null;
    if (!api) {
      throw new ConfigError(
        `The runtime "c-api" needs ONNX Runtime 1.30 or later, got ${this.version}: ${library}. Update onnxruntime-node.`,
      );
    }
    const last = Math.max(...[...Object.values(statusFunctions), ...Object.values(procedures)].map(([place]) => place));
    const table = koffi.decode(api, "void*", last + 1) as bigint[];
    const message = this.#bind(table[2]!, "const char*", "void* status");
    this.do = mapValues(procedures, ([place, parameters]) =>
      this.#bind(table[place]!, "void", parameters),
    ) as Procedures;
    this.call = mapValues(statusFunctions, ([place, parameters]) => {
      const run = this.#bind(table[place]!, "void*", parameters);
      return (...args: Argument[]) => {
        const status = run(...args) as bigint | null;
        if (status) {
          const reason = (message(status) as string).trim();
          this.do.ReleaseStatus(status);
          throw new KernelError(reason);
        }
      };
    }) as Calls;
  }

  /** Calls a function whose last parameter is an address to write a handle to, and returns what it wrote. */
  make(name: keyof Calls, ...args: Argument[]): bigint {
    this.call[name](...args, this.#out);
    return this.#out[0]!;
  }

  #bind(address: bigint, result: string, parameters: string): NativeFunction {
    const path = process.platform === "win32" ? "const char16_t*" : "const char*";
    return this.koffi.decode(
      address,
      this.koffi.proto(`${result} (${parameters.replace("PATH", path)})`),
    ) as NativeFunction;
  }
}

/** Names as C has them: an array of addresses of strings that end in a zero byte. Valid as long as this object lives. */
export class NativeNames {
  readonly addresses: BigUint64Array;
  /** Holds the bytes, so that nobody moves them. */
  readonly #bytes: Uint8Array;

  constructor(koffi: Koffi, names: readonly string[]) {
    const encoded = names.map((name) => new TextEncoder().encode(`${name}\0`));
    this.#bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
    this.addresses = new BigUint64Array(names.length);
    let offset = 0;
    const start = names.length === 0 ? 0n : koffi.address(this.#bytes);
    encoded.forEach((name, i) => {
      this.#bytes.set(name, offset);
      this.addresses[i] = start + BigInt(offset);
      offset += name.length;
    });
  }

  get count(): number {
    return this.addresses.length;
  }
}

function open(koffi: Koffi, library: string): Library {
  try {
    return koffi.load(library);
  } catch (cause) {
    throw cannotLoadOrt(cause);
  }
}

function mapValues<Value, Result>(
  values: Readonly<Record<string, Value>>,
  map: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
