import {
  type DecodePlan,
  type Grammar,
  gumbelNoise,
  type SequenceDecoding,
  type SequenceModel,
  type TokenBatch,
} from "@mmgen/core";

/** Logits of a row after its ids. */
export type LogitsOf = (ids: readonly number[]) => ArrayLike<number>;

/** Model without weights that counts its calls. */
export interface FakeModel extends SequenceModel {
  /** Number of calls of prefill, step and decode, and of decodings not yet disposed. */
  readonly calls: { prefill: number; step: number; decode: number; open: number };
  readonly plans: DecodePlan[];
}

/** Model whose logits are a function of a row's ids; with `native`, it also has `decode`. */
export function fakeModel(
  vocabularySize: number,
  logitsOf: LogitsOf,
  { contextLength = 64, native = false } = {},
): FakeModel {
  const calls = { prefill: 0, step: 0, decode: 0, open: 0 };
  const plans: DecodePlan[] = [];
  const model: FakeModel = {
    vocabularySize,
    contextLength,
    calls,
    plans,
    async prefill({ count, data, length }): Promise<SequenceDecoding> {
      calls.prefill++;
      calls.open++;
      const rows = Array.from({ length: count }, (_, row) => [...data.subarray(row * length, (row + 1) * length)]);
      const logits = new Float32Array(count * vocabularySize);
      const fill = () =>
        rows.forEach((ids, row) => {
          logits.set(Array.from(logitsOf(ids)), row * vocabularySize);
        });
      let disposed = false;
      fill();
      return {
        logits,
        get length() {
          return rows[0]!.length;
        },
        async step(ids) {
          calls.step++;
          rows.forEach((row, i) => {
            row.push(ids[i]!);
            if (row.length > contextLength) {
              throw new Error("past the context");
            }
          });
          fill();
          return logits;
        },
        dispose() {
          calls.open -= disposed ? 0 : 1;
          disposed = true;
        },
      };
    },
  };
  if (native) {
    model.decode = async (plan) => {
      calls.decode++;
      plans.push(plan);
      return decodeNaively(plan, logitsOf);
    };
  }
  return model;
}

/** Reference implementation of a plan, slow and with sorting, to compare the others with. */
export function decodeNaively(plan: DecodePlan, logitsOf: LogitsOf): TokenBatch {
  const { grammar, guidance, prompt, seeds, steps } = plan;
  const total = prompt.length + steps;
  const data = new Int32Array(prompt.count * total);
  for (let row = 0; row < prompt.count; row++) {
    const ids = [...prompt.data.subarray(row * prompt.length, (row + 1) * prompt.length)];
    while (ids.length < total) {
      const added = ids.length - prompt.length;
      const without = guidance?.prompt.data.subarray(row * prompt.length, (row + 1) * prompt.length);
      const logits = guidance
        ? mixed(logitsOf(ids), logitsOf([...without!, ...ids.slice(prompt.length)]), guidance.scales[added]!)
        : Array.from(logitsOf(ids));
      const legal = logits.map(
        (_, id) =>
          grammar === undefined || grammar.allowed[stateAfter(grammar, ids) * grammar.vocabularySize + id] === 1,
      );
      const scores = processNaively(logits, legal, plan);
      const noise = plan.temperature === 0 ? undefined : gumbelNoise(seeds[row]!, ids.length, logits.length);
      const sums = scores.map((score, id) => Math.fround(score + (noise?.[id] ?? 0)));
      ids.push(sums.indexOf(Math.max(...sums)));
    }
    data.set(ids, row * total);
  }
  return { data, count: prompt.count, length: total };
}

/** Logits guided by a scale. */
export function mixed(withCondition: ArrayLike<number>, without: ArrayLike<number>, scale: number): number[] {
  return Array.from(without, (value, i) => {
    const [base, full] = [Math.fround(value), Math.fround(withCondition[i]!)];
    return Math.fround(base + (full - base) * scale);
  });
}

/** Temperature, top-k and top-p over legal ids of finite logits; −Infinity for removed ids. */
function processNaively(logits: readonly number[], legal: readonly boolean[], plan: DecodePlan): number[] {
  const out = Number.NEGATIVE_INFINITY;
  const divisor = plan.temperature === 0 ? 1 : Math.fround(plan.temperature);
  let scores = logits.map((logit, id) => (legal[id] ? Math.fround(Math.fround(logit) / divisor) : out));
  if (plan.topK !== undefined) {
    const kth = [...scores].sort((a, b) => b - a)[plan.topK - 1]!;
    scores = scores.map((score) => (score >= kth ? score : out));
  }
  if (plan.topP !== undefined) {
    const max = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - max));
    const total = weights.reduce((sum, weight) => sum + weight);
    const ranked = scores.map((_, id) => id).sort((a, b) => scores[b]! - scores[a]! || a - b);
    const kept = new Set<number>();
    let mass = 0;
    for (const id of ranked) {
      if (mass < plan.topP * total) {
        kept.add(id);
        mass += weights[id]!;
      }
    }
    scores = scores.map((score, id) => (kept.has(id) ? score : out));
  }
  return scores;
}

function stateAfter(grammar: Grammar, ids: readonly number[]): number {
  return ids.reduce((state, id) => grammar.next[state * grammar.vocabularySize + id]!, grammar.start);
}

/** Whether every id of every row is legal at its position. */
export function isLegal(grammar: Grammar, { count, data, length }: TokenBatch): boolean {
  for (let row = 0; row < count; row++) {
    let state = grammar.start;
    for (const id of data.subarray(row * length, (row + 1) * length)) {
      const entry = state * grammar.vocabularySize + id;
      if (grammar.allowed[entry] !== 1) {
        return false;
      }
      state = grammar.next[entry]!;
    }
  }
  return true;
}

/** Grammar that allows a list of ids at each position. */
export function positionGrammar(vocabularySize: number, choices: readonly (readonly number[])[]): Grammar {
  const stateCount = choices.length + 1;
  const allowed = new Uint8Array(stateCount * vocabularySize);
  const next = new Int32Array(stateCount * vocabularySize);
  choices.forEach((ids, state) => {
    for (const id of ids) {
      allowed[state * vocabularySize + id] = 1;
      next[state * vocabularySize + id] = state + 1;
    }
  });
  return { vocabularySize, stateCount, start: 0, allowed, next };
}

/** Logits that depend on every id of the row and on their order. */
export function historyLogits(vocabularySize: number, scale = 3): LogitsOf {
  return (ids) => {
    let hash = 17;
    for (const id of ids) {
      hash = (Math.imul(hash ^ id, 0x9e3779b1) + 12345) | 0;
    }
    return Array.from({ length: vocabularySize }, (_, id) => {
      const mixed = Math.imul(hash ^ Math.imul(id + 1, 0x85ebca6b), 0xc2b2ae35);
      return scale * (((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1);
    });
  };
}

/** Of the fixtures below. */
export const vocabularySize = 9;
export const anyIds = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** Start, a choice, two forced ids, three choices, a forced end. */
export const mixedGrammar = positionGrammar(vocabularySize, [[0], [1, 2], [3], [4], [5, 6, 7], anyIds, [2, 4], [8]]);

/** Rows of equal length as a batch. */
export const rowsOf = (...rows: number[][]): TokenBatch => ({
  data: Int32Array.from(rows.flat()),
  count: rows.length,
  length: rows[0]?.length ?? 1,
});
