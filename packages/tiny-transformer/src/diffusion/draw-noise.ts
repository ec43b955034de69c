import { type DenoisePlan, gumbelNoise } from "@mmgen/core";

/** Positions that may change, from `first` on. */
export interface OpenWindow {
  readonly first: number;
  readonly places: number;
  readonly vocabularySize: number;
}

/**
 * Makes the noise of a plan's rounds, in their order.
 *
 * Where choices alone decide which ids a round draws (rules `unmask` and `ordered`), there is noise for these ids only: over
 * all rounds about one draw a position, instead of one in each.
 */
export class DrawNoise {
  readonly #plan: DenoisePlan;
  readonly #window: OpenWindow;
  /** `[rows, length]`, 1 where an id is masked. */
  readonly #masked: Uint8Array;

  constructor(plan: DenoisePlan, window: OpenWindow) {
    this.#plan = plan;
    this.#window = window;
    this.#masked = Uint8Array.from(plan.ids.data, (id) => (id === plan.maskId ? 1 : 0));
  }

  /** Noise of the choices of a round, `[rows, places]`; of rule `ordered` 1 where it draws, and else 0. */
  choices(round: number): Float32Array {
    const { choiceSeeds, ids, rule } = this.#plan;
    const { first, places } = this.#window;
    const choices = new Float32Array(ids.count * places);
    for (let row = 0; row < ids.count; row++) {
      if (rule.type === "ordered") {
        const from = row * ids.length + first;
        choices.set(
          rule.drawnIn.subarray(from, from + places).map((drawnIn) => Number(drawnIn === round)),
          row * places,
        );
        continue;
      }
      const noise = gumbelNoise(choiceSeeds[round * ids.count + row]!, 0, first + places);
      choices.set(noise.subarray(first), row * places);
    }
    return choices;
  }

  /**
   * Writes the noise of the draws of the next round.
   *
   * @param choices - Of this round.
   * @param out - `[rows, places, vocabularySize]`, zeros; written where an id may be drawn.
   */
  writeDraws(round: number, choices: Float32Array, out: Float32Array): void {
    const { drawSeeds, ids, known } = this.#plan;
    const { first, places, vocabularySize } = this.#window;
    for (let row = 0; row < ids.count; row++) {
      for (let place = 0; place < places; place++) {
        const position = first + place;
        const index = row * ids.length + position;
        const at = row * places + place;
        if (known[index] === 0 && this.#isDrawn(index, round, choices[at]!)) {
          const noise = out.subarray(at * vocabularySize, (at + 1) * vocabularySize);
          gumbelNoise(drawSeeds[round * ids.count + row]!, position, vocabularySize, noise);
        }
      }
    }
  }

  #isDrawn(index: number, round: number, choice: number): boolean {
    const { rule } = this.#plan;
    if (rule.type === "ordered") {
      return choice === 1;
    }
    if (rule.type !== "unmask") {
      return true;
    }
    const wasMasked = this.#masked[index] === 1;
    const isMasked = choice < (wasMasked ? rule.stayBelow[round]! : rule.remaskBelow[round]!);
    this.#masked[index] = isMasked ? 1 : 0;
    return wasMasked && !isMasked;
  }
}
