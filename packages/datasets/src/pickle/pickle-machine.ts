import { DataError, quote } from "@mmgen/core";
import { damaged, refuse, refuseOperation } from "./pickle-errors.js";
import type { PickleReader } from "./pickle-reader.js";
import { PickledArray, PickledDtype } from "./pickled-array.js";
import { addItems, checkKey, isTuple, PickledName, pickledNames } from "./pickled-names.js";

const stop = 0x2e;
const [listBytes, containerBytes, entryBytes] = [32, 128, 48];

/**
 * Runs a pickle's operations, those that protocols 2 to 5 write for plain containers and numpy arrays, on a stack.
 *
 * What each makes or visits is counted by the reader first, so that time and memory are bounded by its budget.
 */
export class PickleMachine {
  readonly #reader: PickleReader;
  readonly #names: ReadonlyMap<string, PickledName>;
  readonly #stack: unknown[] = [];
  /** Heights of the stack at which marks lie. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(reader: PickleReader) {
    this.#reader = reader;
    this.#names = pickledNames(reader);
  }

  /** @returns The pickle's value, unchecked: it may be a function's name, or contain itself. */
  run(): unknown {
    const [, protocol] = this.#reader.bytes(2) as unknown as [number, number];
    if (protocol < 2 || protocol > 5) {
      throw new DataError(`expected a pickle of protocol 2 to 5, got protocol ${protocol}.`);
    }
    for (let opcode = this.#reader.opcode(); opcode !== stop; opcode = this.#reader.opcode()) {
      if (!this.#pushConstant(opcode) && !this.#pushContainer(opcode) && !this.#changeContainer(opcode)) {
        this.#doOther(opcode);
      }
    }
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) {
      throw damaged(`${this.#stack.length + this.#marks.length} values are left over at its end`);
    }
    return value;
  }

  #pushConstant(opcode: number): boolean {
    const reader = this.#reader;
    switch (opcode) {
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(reader.int32());
      case 0x4b: // BININT1
        return this.#push(reader.uint8());
      case 0x4d: // BININT2
        return this.#push(reader.uint16());
      case 0x8a: // LONG1
        return this.#push(reader.integer(reader.uint8()));
      case 0x8b: // LONG4
        return this.#push(reader.integer(reader.int32()));
      case 0x47: // BINFLOAT
        return this.#push(reader.float64());
      case 0x43: // SHORT_BINBYTES
        return this.#push(reader.bytes(reader.uint8()));
      case 0x42: // BINBYTES
        return this.#push(reader.bytes(reader.uint32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(reader.bytes(reader.uint64()));
      case 0x55: // SHORT_BINSTRING, of Python 2
        return this.#push(reader.latin1(reader.uint8()));
      case 0x54: // BINSTRING
        return this.#push(reader.latin1(reader.int32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(reader.text(reader.uint8()));
      case 0x58: // BINUNICODE
        return this.#push(reader.text(reader.uint32()));
      case 0x8d: // BINUNICODE8
        return this.#push(reader.text(reader.uint64()));
      default:
        return false;
    }
  }

  #pushContainer(opcode: number): boolean {
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
        this.#reader.spend(listBytes);
        return this.#push([]);
      case 0x7d: // EMPTY_DICT
        this.#reader.spend(containerBytes);
        return this.#push(new Map());
      case 0x8f: // EMPTY_SET
        this.#reader.spend(containerBytes);
        return this.#push(new Set());
      case 0x91: // FROZENSET
        return this.#push(this.#fillSet(new Set(), this.#popToMark()));
      case 0x29: // EMPTY_TUPLE
        return this.#pushTuple([]);
      case 0x85: // TUPLE1
        return this.#pushTuple(this.#popSome(1));
      case 0x86: // TUPLE2
        return this.#pushTuple(this.#popSome(2));
      case 0x87: // TUPLE3
        return this.#pushTuple(this.#popSome(3));
      case 0x74: // TUPLE
        return this.#pushTuple(this.#popToMark());
      default:
        return false;
    }
  }

  #changeContainer(opcode: number): boolean {
    switch (opcode) {
      case 0x61: // APPEND
        return this.#append(this.#popSome(1));
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x73: // SETITEM
        return this.#setItems(this.#popSome(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());
      case 0x90: {
        // ADDITEMS
        const items = this.#popToMark();
        this.#fillSet(this.#top(), items);
        return true;
      }
      case 0x62: {
        // BUILD
        const state = this.#pop();
        const target = this.#top();
        if (!(target instanceof PickledArray || target instanceof PickledDtype)) {
          throw new DataError("refused, as it sets the state of what is no numpy array.");
        }
        target.setState(state, this.#reader);
        return true;
      }
      default:
        return false;
    }
  }

  #doOther(opcode: number): true {
    const reader = this.#reader;
    switch (opcode) {
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return true;
      case 0x30: // POP
        this.#pop();
        return true;
      case 0x31: // POP_MARK
        this.#popToMark();
        return true;
      case 0x71: // BINPUT
        return this.#remember(reader.uint8());
      case 0x72: // LONG_BINPUT
        return this.#remember(reader.uint32());
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size);
      case 0x68: // BINGET
        return this.#recall(reader.uint8());
      case 0x6a: // LONG_BINGET
        return this.#recall(reader.uint32());
      case 0x95: // FRAME
        reader.expect(reader.uint64());
        return true;
      case 0x63: // GLOBAL
        return this.#push(this.#nameOf(reader.line(), reader.line()));
      case 0x93: {
        // STACK_GLOBAL
        const [module, symbol] = this.#popSome(2);
        return this.#push(this.#nameOf(module, symbol));
      }
      case 0x52: {
        // REDUCE
        const [called, args] = this.#popSome(2);
        if (!(called instanceof PickledName) || !isTuple(args)) {
          throw damaged("it calls what is no function");
        }
        return this.#push(called.call(args as readonly unknown[]));
      }
      default:
        throw refuseOperation(opcode);
    }
  }

  #push(value: unknown): true {
    this.#stack.push(value);
    return true;
  }

  #pushTuple(items: unknown[]): true {
    this.#reader.spend(listBytes + 8 * items.length);
    return this.#push(Object.freeze(items));
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.length--;
    return value;
  }

  /** The uppermost values, the lowest of them first, none of them below the last mark. */
  #popSome(count: number): unknown[] {
    const start = this.#stack.length - count;
    if (start < (this.#marks.at(-1) ?? 0)) {
      throw damaged("an operation lacks its values");
    }
    return this.#stack.splice(start);
  }

  #popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) {
      throw damaged("an operation lacks its mark");
    }
    return this.#stack.splice(mark);
  }

  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw damaged("an operation lacks its value");
    }
    return this.#stack.at(-1);
  }

  #append(items: readonly unknown[]): true {
    const list = this.#top();
    if (!Array.isArray(list) || isTuple(list)) {
      throw damaged("it appends to what is no list");
    }
    this.#reader.spend(8 * items.length);
    for (const item of items) {
      list.push(item);
    }
    return true;
  }

  #setItems(items: readonly unknown[]): true {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0) {
      throw damaged("it sets items of what is no dictionary, or keys without values");
    }
    this.#reader.spend(entryBytes * items.length);
    for (let i = 0; i < items.length; i += 2) {
      map.set(checkKey(items[i]), items[i + 1]);
    }
    return true;
  }

  #fillSet(set: unknown, items: readonly unknown[]): unknown {
    if (!(set instanceof Set)) {
      throw damaged("it adds items to what is no set");
    }
    addItems(set, items, this.#reader);
    return set;
  }

  #remember(index: number): true {
    this.#reader.spend(entryBytes);
    this.#memo.set(index, this.#top());
    return true;
  }

  #recall(index: number): true {
    if (!this.#memo.has(index)) {
      throw damaged(`it refers to value ${index}, which it did not store`);
    }
    return this.#push(this.#memo.get(index));
  }

  #nameOf(module: unknown, symbol: unknown): PickledName {
    if (typeof module !== "string" || typeof symbol !== "string") {
      throw damaged("a function's name in it is no text");
    }
    const name = `${module}.${symbol}`;
    return this.#names.get(name) ?? refuse(/^[\w.]{1,100}$/.test(name) ? name : quote(name));
  }
}
