declare module "d3-scale" {
  /** From values of `domain` to CSS pixels of `range`. */
  interface ContinuousScale {
    (value: number): number;
    domain(): [number, number];
    nice(count?: number): this;
    /** About `count` round values within the domain. */
    ticks(count?: number): number[];
    /** Writes such values with the decimals that tell them apart. */
    tickFormat(count?: number): (value: number) => string;
  }
  export function scaleLinear(domain: readonly number[], range: readonly number[]): ContinuousScale;
  export function scaleLog(domain: readonly number[], range: readonly number[]): ContinuousScale;
}

declare module "d3-format" {
  export function format(specifier: string): (value: number) => string;
}
