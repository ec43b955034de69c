import { fields, functionValue, optional, resolveOptions } from "@mmgen/core/options";
import { type AdamWOptions, adamWFields, clippedAndDecayed } from "./adamw.js";
import type { PerVariable } from "./scale.js";
import { scaleByAdam } from "./scale-by-adam.js";
import { type MuonMomentumOptions, momentumFields, scaleByMuon } from "./scale-by-muon.js";
import { type GradientTransform, partition } from "./transform.js";

/** Options of {@link muon}: its own, and those of AdamW, of which `beta1`, `beta2` and `epsilon` are for the variables that it leaves to Adam. */
export interface MuonOptions extends MuonMomentumOptions, AdamWOptions {
  /**
   * Which variables are moved by {@link scaleByMuon}; Adam moves the others. Default: those of two or more dimensions, but
   * for tables and heads: where a part of the name is `wte`, `wpe`, `lm_head`, `embedding`, `position`, `codebook` or
   * `heads`.
   */
  readonly orthogonalizes?: PerVariable<boolean> | undefined;
}

const muonSchema = fields({
  ...momentumFields,
  ...adamWFields,
  orthogonalizes: optional(functionValue<PerVariable<boolean>>()),
});

const tableOrHead = /(^|\.)(wte|wpe|lm_head|embedding|position|codebook|heads)(\.|$)/;
const isHiddenMatrix: PerVariable<boolean> = (name, { rank }) => rank >= 2 && !tableOrHead.test(name);

/**
 * Muon for the weights of hidden layers, Adam for the other variables, at one learning rate, with AdamW's clipping and
 * weight decay. Image tokenizers and transformers were trained with about half of AdamW's steps; a step took 10 to 25 %
 * longer. It keeps one moment of a matrix instead of two. As it fits faster, it overfits sooner.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @see Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; with decay and at AdamW's rates Liu et al. 2025,
 *   https://arxiv.org/abs/2502.16982
 */
export function muon(options: MuonOptions = {}): GradientTransform {
  const resolved = resolveOptions(muonSchema, options, { path: "muon" });
  const { beta1, beta2, epsilon, momentum, nesterov, orthogonalizes = isHiddenMatrix } = resolved;
  const adapted = partition((name, variable) => (orthogonalizes(name, variable) ? "matrices" : "others"), {
    matrices: scaleByMuon({ momentum, nesterov }),
    others: scaleByAdam({ beta1, beta2, epsilon }),
  });
  return clippedAndDecayed(adapted, resolved);
}
