import { DataError } from "@mmgen/core";

/** A file that is cut or changed. */
export function damaged(what: string): DataError {
  return new DataError(`not a readable pickle: ${what}. It is truncated or damaged.`);
}

/** @throws that the pickle wants something that is not read. */
export function refuse(what: string): never {
  throw new DataError(
    `refused, as it asks for ${what}. Only plain containers and numpy arrays are read; nothing was run.`,
  );
}

/** An operation that is known and not done, or not known. */
export function refuseOperation(opcode: number): DataError {
  const written = `0x${opcode.toString(16).padStart(2, "0")}`;
  switch (opcode) {
    case 0x50: // PERSID
    case 0x51: // BINPERSID
      return refuse("a persistent object");
    case 0x82: // EXT1
    case 0x83: // EXT2
    case 0x84: // EXT4
      return refuse("a registered extension");
    case 0x69: // INST
    case 0x6f: // OBJ
    case 0x81: // NEWOBJ
    case 0x92: // NEWOBJ_EX
      return refuse("an object of a class");
    case 0x97: // NEXT_BUFFER
    case 0x98: // READONLY_BUFFER
      return refuse("a buffer outside the file");
    default:
      return damaged(`operation ${written} is none that protocols 2 to 5 write`);
  }
}
