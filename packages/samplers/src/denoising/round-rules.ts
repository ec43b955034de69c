import { type DenoisePlan, type DenoiseRule, gumbelNoise } from "@mmgen/core";
import { posterior, readTransition } from "../diffusion/posterior.js";
import type { CodeDrawer } from "./code-drawer.js";

/** One row in one round. */
export interface RowRound {
  readonly plan: DenoisePlan;
  readonly drawer: CodeDrawer;
  /** Logits of all rows, `[rows, length, vocabularySize]`; not read where {@link needsLogits} is false. */
  readonly logits: Float32Array;
  /** State of all rows, `[rows, length]`; the row's ids are changed. */
  readonly ids: Int32Array;
  readonly row: number;
  readonly round: number;
}

/** Whether a round of the rule has anything to draw in this state. */
export function needsLogits({ known, maskId, rule }: DenoisePlan, ids: Int32Array): boolean {
  const onlyMasked = rule.type === "unmask" || rule.type === "confidence" || rule.type === "ordered";
  return ids.some((id, i) => known[i] === 0 && (!onlyMasked || id === maskId));
}

/** Runs a row's round by the plan's rule. */
export function runRow(context: RowRound): void {
  const { rule } = context.plan;
  switch (rule.type) {
    case "redraw":
      redraw(context);
      break;
    case "unmask":
      unmask(context, rule);
      break;
    case "confidence":
      revealConfident(context, rule);
      break;
    case "ordered":
      drawOrdered(context, rule);
      break;
    default:
      drawFromPosterior(context, rule);
  }
}

function redraw(context: RowRound): void {
  const { drawer, logits, ids } = context;
  const seed = drawSeed(context);
  for (const i of openPlaces(context)) {
    ids[i] = drawer.draw(logits, i, seed);
  }
}

function unmask(context: RowRound, { stayBelow, remaskBelow }: Extract<DenoiseRule, { type: "unmask" }>): void {
  const { plan, drawer, logits, ids, round } = context;
  const { length } = plan.ids;
  const seed = drawSeed(context);
  const choice = choiceNoise(context);
  for (const i of openPlaces(context)) {
    const noise = choice[i % length]!;
    if (ids[i] === plan.maskId) {
      ids[i] = noise < stayBelow[round]! ? plan.maskId! : drawer.draw(logits, i, seed);
    } else if (noise < remaskBelow[round]!) {
      ids[i] = plan.maskId!;
    }
  }
}

function revealConfident(
  context: RowRound,
  { masked, noiseScales }: Extract<DenoiseRule, { type: "confidence" }>,
): void {
  const { plan, drawer, logits, ids, row, round } = context;
  const { count, length } = plan.ids;
  const seed = drawSeed(context);
  const choice = choiceNoise(context);
  const drawn = openPlaces(context)
    .filter((i) => ids[i] === plan.maskId)
    .map((i) => {
      const id = drawer.draw(logits, i, seed);
      const noise = noiseScales[round]! * choice[i % length]!;
      return { i, id, confidence: Math.fround(drawer.logProbability(logits, i, id) + noise) };
    });
  // Sorting is stable: the first of equals comes first.
  drawn.sort((a, b) => b.confidence - a.confidence);
  for (const { i, id } of drawn.slice(0, drawn.length - masked[round * count + row]!)) {
    ids[i] = id;
  }
}

function drawOrdered(context: RowRound, { drawnIn }: Extract<DenoiseRule, { type: "ordered" }>): void {
  const { plan, drawer, logits, ids, round } = context;
  const seed = drawSeed(context);
  for (const i of openPlaces(context)) {
    if (ids[i] === plan.maskId && drawnIn[i] === round) {
      ids[i] = drawer.draw(logits, i, seed);
    }
  }
}

function drawFromPosterior(context: RowRound, { transitions }: Extract<DenoiseRule, { type: "posterior" }>): void {
  const { plan, drawer, logits, ids, round } = context;
  const { length } = plan.ids;
  const { maskId = -1 } = plan;
  const seed = drawSeed(context);
  const transition = readTransition(transitions, round);
  for (const i of openPlaces(context)) {
    const position = i % length;
    const first = plan.legal.from[position]!;
    const codes = drawer.probabilities(logits, i);
    const shares = new Float64Array(codes.length);
    const current = ids[i] === maskId ? -1 : ids[i]! - first;
    const masked = posterior(transition, current, codes, shares);
    const noise = gumbelNoise(seed, position, Math.max(first + codes.length, maskId + 1));
    let best = masked > 0 ? Math.log(masked) + noise[maskId]! : Number.NEGATIVE_INFINITY;
    let next = maskId;
    for (let id = 0; id < codes.length; id++) {
      const score = Math.log(shares[id]!) + noise[first + id]!;
      if (score > best) {
        best = score;
        next = first + id;
      }
    }
    ids[i] = next;
  }
}

/** Indices of the row's ids that are not known. */
function openPlaces({ plan, row }: RowRound): number[] {
  const { length } = plan.ids;
  const places: number[] = [];
  for (let i = row * length; i < (row + 1) * length; i++) {
    if (plan.known[i] === 0) {
      places.push(i);
    }
  }
  return places;
}

function drawSeed({ plan, row, round }: RowRound): number {
  return plan.drawSeeds[round * plan.ids.count + row]!;
}

function choiceNoise({ plan, row, round }: RowRound): Float32Array {
  return gumbelNoise(plan.choiceSeeds[round * plan.ids.count + row]!, 0, plan.ids.length);
}
