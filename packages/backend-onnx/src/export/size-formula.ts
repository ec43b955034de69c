/** The numbers with which one recording stands for the open sizes. */
export type SizeSample = ReadonlyMap<string, number>;

/** A number that depends on open sizes: `numerator · Π sizeᵉ / denominator + offset`, or one over that. */
export interface SizeFormula {
  /** Exponent of each size that it depends on; negative ones only in formulas of real numbers. */
  readonly exponents: readonly (readonly [name: string, exponent: number])[];
  readonly numerator: number;
  readonly denominator: number;
  readonly offset: number;
  readonly isInverse: boolean;
}

/** How far a float32 may be from its formula, as a share. */
const tolerance = 3e-7;
/** Numbers of elements per head, channel, pixel …: what sizes are divided by. */
const maxDenominator = 64;

/**
 * Finds how a number depends on the open sizes, from its values in several recordings.
 *
 * @param values - One for each sample.
 * @param areIntegers - Whether they are indices, sizes and other exact numbers.
 * @returns The number where it is always the same; `undefined` where no formula of the kind gives all values.
 */
export function fitFormula(
  values: readonly number[],
  samples: readonly SizeSample[],
  areIntegers: boolean,
): number | SizeFormula | undefined {
  if (values.every((value) => Object.is(value, values[0]))) {
    return values[0]!;
  }
  const names = [...samples[0]!.keys()];
  for (const exponents of monomials(names, areIntegers)) {
    const powers = samples.map((sample) => product(exponents, sample));
    const found = areIntegers ? fitIntegers(values, powers) : fitReals(values, powers);
    if (found !== undefined) {
      return { exponents, ...found };
    }
  }
  return undefined;
}

/** The value of a formula for given sizes. */
export function evaluate(formula: number | SizeFormula, sample: SizeSample): number {
  if (typeof formula === "number") {
    return formula;
  }
  const { exponents, numerator, denominator, offset, isInverse } = formula;
  const value = (numerator * product(exponents, sample)) / denominator + offset;
  return isInverse ? 1 / value : value;
}

/** A size as a reader of the file sees it: `batch`, `4*batch`, `rows*time+1`. */
export function formulaName({ exponents, numerator, denominator, offset }: SizeFormula): string {
  const powers = exponents.flatMap(([name, exponent]) => new Array<string>(exponent).fill(name)).join("*");
  const scaled = `${numerator === 1 ? "" : `${numerator}*`}${powers}${denominator === 1 ? "" : `/${denominator}`}`;
  return offset === 0 ? scaled : `${scaled}${offset > 0 ? "+" : ""}${offset}`;
}

type Coefficients = Omit<SizeFormula, "exponents">;
type Exponents = SizeFormula["exponents"];

/** Products of powers of the sizes, the simplest first. */
function monomials(names: readonly string[], areIntegers: boolean): Exponents[] {
  const powers = names.length > 3 ? [0, 1] : [0, 1, 2];
  const exponents = areIntegers ? powers : [...powers, ...powers.slice(1).map((power) => -power)];
  let all: Exponents[] = [[]];
  for (const name of names) {
    all = all.flatMap((others) =>
      exponents.map((exponent) => (exponent === 0 ? others : [...others, [name, exponent] as const])),
    );
  }
  const degree = (each: Exponents) => each.reduce((sum, [, exponent]) => sum + Math.abs(exponent), 0);
  return all.filter((each) => each.length > 0).sort((a, b) => degree(a) - degree(b));
}

function product(exponents: Exponents, sample: SizeSample): number {
  return exponents.reduce((result, [name, exponent]) => result * sample.get(name)! ** exponent, 1);
}

function fitIntegers(values: readonly number[], powers: readonly number[]): Coefficients | undefined {
  const slope = (values[1]! - values[0]!) / (powers[1]! - powers[0]!);
  for (let denominator = 1; denominator <= maxDenominator; denominator++) {
    const numerator = Math.round(slope * denominator);
    const offset = values[0]! - (numerator * powers[0]!) / denominator;
    const fits = values.every((value, i) => numerator * powers[i]! === (value - offset) * denominator);
    if (numerator !== 0 && Number.isInteger(offset) && fits) {
      return { numerator, denominator, offset, isInverse: false };
    }
  }
  return undefined;
}

/** Multiples of the power, or of one over it and a whole number, as `n/(n − 1)`: other sums are too inexact to tell. */
function fitReals(values: readonly number[], powers: readonly number[]): Coefficients | undefined {
  const ratios = values.map((value, i) => value / powers[i]!);
  const ratio = snap(ratios.reduce((sum, each) => sum + each, 0) / ratios.length);
  const isClose = (value: number, expected: number) => Math.abs(value - expected) <= tolerance * Math.abs(value);
  if (values.every((value, i) => isClose(value, (ratio.numerator * powers[i]!) / ratio.denominator))) {
    return { ...ratio, offset: 0, isInverse: false };
  }
  for (const isInverse of [false, true]) {
    const targets = isInverse ? values.map((value) => 1 / value) : values;
    const slope = snap((targets[1]! - targets[0]!) / (powers[1]! - powers[0]!), 1e-3);
    const offset = Math.round(targets[0]! - (slope.numerator * powers[0]!) / slope.denominator);
    const fits = targets.every((target, i) =>
      isClose(target, (slope.numerator * powers[i]!) / slope.denominator + offset),
    );
    if (slope.isExact && offset !== 0 && fits) {
      return { numerator: slope.numerator, denominator: slope.denominator, offset, isInverse };
    }
  }
  return undefined;
}

/** The whole number, or one over it, that a rounded number stands for; else the number itself. */
function snap(value: number, within = tolerance) {
  const whole = Math.round(value);
  const part = Math.round(1 / value);
  if (whole !== 0 && Math.abs(value - whole) <= within * Math.abs(value)) {
    return { numerator: whole, denominator: 1, isExact: true };
  }
  return Number.isFinite(part) && Math.abs(value * part - 1) <= within
    ? { numerator: Math.sign(part), denominator: Math.abs(part), isExact: true }
    : { numerator: value, denominator: 1, isExact: false };
}
