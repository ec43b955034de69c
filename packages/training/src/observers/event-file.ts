import { hostname } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { maskedCrc32c } from "./crc32c.js";
import { EventSchema, SessionLog_SessionStatus, type Summary_ValueSchema } from "./event.generated.js";
import { LogFile } from "./log-file.js";

type Content = NonNullable<MessageInitShape<typeof EventSchema>["what"]>;

/** A scalar or an image under a tag. */
export type EventValue = MessageInitShape<typeof Summary_ValueSchema>;

/** Event files of this process, which may begin in one second. */
let opened = 0;

/** A file of events that TensorBoard reads: a TFRecord file of `Event` messages. */
export class EventFile {
  readonly #file: LogFile;

  private constructor(file: LogFile) {
    this.#file = file;
  }

  /**
   * Begins a new file in a folder, as TensorBoard wants it: readers go through a folder's files by name, that is by time.
   *
   * @param firstStep - TensorBoard drops what earlier files of the folder say of this step and of later ones.
   */
  static async open(folder: string, firstStep: number): Promise<EventFile> {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
    const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${opened++}`;
    const file = new EventFile(await LogFile.open(join(folder, name), "wx"));
    await file.#append(0, { case: "fileVersion", value: "brain.Event:2" });
    await file.#append(firstStep, { case: "sessionLog", value: { status: SessionLog_SessionStatus.START } });
    return file;
  }

  /** The values are in the file when this resolves. */
  async append(step: number, value: EventValue[]): Promise<void> {
    await this.#append(step, { case: "summary", value: { value } });
    await this.#file.checkPresenceSometimes();
  }

  /** @throws a `DataError` when the file has been removed; it is closed all the same. */
  async close(): Promise<void> {
    try {
      await this.#file.checkPresence();
    } finally {
      await this.#file.close();
    }
  }

  async #append(step: number, what: Content): Promise<void> {
    const event = create(EventSchema, { wallTime: Date.now() / 1000, step: BigInt(step), what });
    await this.#file.append(encodeRecord(toBinary(EventSchema, event)));
  }
}

/**
 * A record of a TFRecord file: length (uint64), its masked CRC, the bytes, their masked CRC, all little-endian.
 *
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
export function encodeRecord(content: Uint8Array): Uint8Array {
  const record = new Uint8Array(content.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(content, 12);
  view.setUint32(12 + content.length, maskedCrc32c(content), true);
  return record;
}
