import type { CodeBatch, TokenBatch } from "@mmgen/core";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { GeneratedIds } from "@mmgen/samplers";

/** State of images that are being made, before the first round and after each. */
export interface PairsRound {
  /** Number of rounds so far: 0 for the start. */
  readonly round: number;
  /** Of the family `autoregressive` a round is an id of each row, that of a word included. */
  readonly rounds: number;
  /** Number of the first of these rows: many rows are made in groups, one after the other. */
  readonly firstRow: number;
  /** Codes so far, 0 where a code is masked; yours. */
  readonly codes: CodeBatch;
  /** 1 for each code that is masked, or not drawn yet, `[rows, codes]`; yours. */
  readonly masked: Uint8Array;
}

/** Receives the state of a group of rows; awaited. */
export type OnRound = (state: PairsRound) => void | Promise<void>;

/**
 * Tells of a generation id by id, as models of diffusion tell of theirs round by round.
 *
 * @param prompt - Beginnings of these rows; borrowed.
 * @returns What `generate` takes as `onIds`, once the start was told.
 */
export async function tellRounds(
  tokenizer: MultimodalTokenizer,
  prompt: TokenBatch,
  { firstRow, onRound }: { readonly firstRow: number; readonly onRound: OnRound },
): Promise<(added: GeneratedIds) => Promise<void>> {
  const { height, width } = tokenizer.config.codeGrid;
  const { start } = tokenizer.ids.image;
  const { count } = prompt;
  const size = height * width;
  const data = new Int32Array(count * size);
  const masked = new Uint8Array(count * size).fill(1);
  const drawn = new Int32Array(count);
  const append = (row: number, id: number) => {
    if (tokenizer.modality(id) === "image") {
      const place = row * size + drawn[row]!++;
      data[place] = id - start;
      masked[place] = 0;
    }
  };
  for (const [place, id] of prompt.data.entries()) {
    append(Math.floor(place / prompt.length), id);
  }
  const rounds = tokenizer.sequenceLength - prompt.length;
  const tell = async (round: number) =>
    onRound({ round, rounds, firstRow, codes: { data: data.slice(), count, height, width }, masked: masked.slice() });
  await tell(0);
  return async ({ ids, position }) => {
    for (const [row, id] of ids.entries()) {
      append(row, id);
    }
    await tell(position - prompt.length + 1);
  };
}
