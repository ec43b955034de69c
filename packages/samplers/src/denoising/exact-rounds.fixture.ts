import { expect } from "vitest";
import { type DenoisedRound, type DenoiseOptions, denoise } from "../index.js";
import { expectFrequencies } from "../processors/frequencies.fixture.js";
import type { JointModel } from "./joint-model.fixture.js";

/** A row's ids, masks among them. */
export type State = readonly number[];
/** States and their probabilities. */
export type Outcomes = readonly (readonly [State, number])[];
/** What a round makes of a state. */
export type Step = (state: State) => Outcomes;
/** The probability of each id, the mask last, at each position: `[length][codes + 1]`. */
export type Shares = (state: State) => number[][];

/** All states of a row, with masks or without. */
export function everyState({ codes, length }: JointModel, { masks }: { masks: boolean }): State[] {
  const ids = Array.from({ length: codes + (masks ? 1 : 0) }, (_, id) => id);
  return Array.from({ length }).reduce<State[]>((all) => all.flatMap((state) => ids.map((id) => [...state, id])), [[]]);
}

/** What the model says of every state. */
export async function sharesOf(model: JointModel): Promise<Shares> {
  const { length, vocabularySize } = model;
  const states = everyState(model, { masks: true });
  const logits = await model.logits({ data: Int32Array.from(states.flat()), count: states.length, length });
  const shares = states.map((state, row) =>
    state.map((_, position) => {
      const from = (row * length + position) * vocabularySize;
      return Array.from(logits.subarray(from, from + vocabularySize), Math.exp);
    }),
  );
  const rows = new Map(states.map((state, row) => [String(state), shares[row]!]));
  return (state) => rows.get(String(state))!;
}

export function normalized(weights: readonly number[]): number[] {
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** Each position's id is drawn by itself. */
function independently(shares: readonly (readonly number[])[]): Outcomes {
  return shares.reduce<Outcomes>(
    (all, ids) =>
      all.flatMap(([state, p]) => ids.flatMap((q, id) => (q > 0 ? [[[...state, id], p * q] as const] : []))),
    [[[], 1]],
  );
}

const certain = (id: number, vocabularySize: number) => Array.from({ length: vocabularySize }, (_, i) => +(i === id));

/** Draws every id anew. */
export const redraw =
  (shares: Shares): Step =>
  (state) =>
    independently(shares(state));

/**
 * Masks stay with one probability, else are drawn; codes are masked again with another.
 *
 * @param again - By position.
 */
export const unmask =
  (shares: Shares, stay: number, again: readonly number[] = []): Step =>
  (state) =>
    independently(
      shares(state).map((drawn, position) => {
        const maskId = drawn.length - 1;
        const [ids, masked] =
          state[position] === maskId ? [drawn, stay] : [certain(state[position]!, drawn.length), again[position] ?? 0];
        return ids.map((p, id) => (id === maskId ? masked : p * (1 - masked)));
      }),
    );

/**
 * Draws all masked ids and keeps the one with the largest log p + scale · Gumbel: each in proportion to p^(1 / scale), as
 * the difference of two Gumbel variables is logistic.
 */
export const keepOne =
  (shares: Shares, scale: number): Step =>
  (state) => {
    const drawn = shares(state);
    const masked = [...state.keys()].filter((position) => state[position] === drawn[position]!.length - 1);
    return unmask(
      shares,
      0,
    )(state).flatMap(([ids, p]) => {
      const kept = normalized(masked.map((position) => drawn[position]![ids[position]!]! ** (1 / scale)));
      return masked.map((at, i) => [state.map((id, j) => (j === at ? ids[j]! : id)), p * kept[i]!] as const);
    });
  };

/** Expects that the states of all rows, at the start and after each round, are as frequent as in theory. */
export async function expectStates(
  options: DenoiseOptions & { readonly model: JointModel },
  start: Outcomes,
  steps: readonly Step[],
): Promise<void> {
  const { model } = options;
  const seen: DenoisedRound[] = [];
  await denoise({ ...options, onRound: (round) => void seen.push(round) });
  expect(seen.length).toBe(steps.length + 1);
  const names = everyState(model, { masks: true }).map(String);
  let exact = start;
  seen.forEach(({ ids, round }) => {
    exact = round === 0 ? start : advance(exact, steps[round - 1]!);
    const counts = new Map(names.map((name) => [name, 0]));
    for (let i = 0; i < ids.length; i += model.length) {
      const name = String(ids.subarray(i, i + model.length));
      counts.set(name, counts.get(name)! + 1);
    }
    const chances = new Map(exact.map(([state, p]) => [String(state), p]));
    // A single state leaves nothing to compare.
    if (chances.size > 1) {
      const probabilities = names.map((name) => chances.get(name) ?? 0);
      expectFrequencies([...counts.values()], probabilities, chances.size - 1);
    }
  });
}

/** The states after a round, equal ones together. */
function advance(states: Outcomes, step: Step): Outcomes {
  const sums = new Map<string, readonly [State, number]>();
  for (const [state, p] of states) {
    for (const [next, q] of step(state)) {
      const sum = sums.get(String(next))?.[1] ?? 0;
      sums.set(String(next), [next, sum + p * q]);
    }
  }
  return [...sums.values()];
}
