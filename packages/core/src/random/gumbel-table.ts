/** Number of intervals of equal width in an octave. */
const intervals = 64;
/** Octaves towards 0 and towards 1; the fewer than 1 in 100 draws beyond are not in the table. */
const octaves = 8;
/** Number of coefficients of a polynomial. */
const terms = 6;

/** Upper bound of the error of {@link approximateGumbel}; it is below 1e-12. */
export const gumbelError = 1e-11;

let coefficients: Float64Array | undefined;

/**
 * Standard Gumbel noise `−log(−log((draw + 0.5) / 2³²))` by polynomials, several times as fast as by two logarithms.
 *
 * @param draw - A whole number in `[0, 2³²)`.
 * @returns NaN for draws beyond the table.
 */
export function approximateGumbel(draw: number): number {
  coefficients ??= createTable();
  // Distance to the nearer end of [0, 2³²), which the function's singularities are at.
  const isUpper = draw >> 31; // −1 or 0
  const distance = draw ^ isUpper;
  const octave = Math.clz32(distance); // 1 … 32
  const interval = ((distance << octave) >>> 25) & (intervals - 1);
  const x = (distance + 0.5) * 2 ** -25 * powers[octave]! - (intervals + interval + 0.5); // [−1/2, 1/2]
  const start = (((isUpper & octaves) + octave - 1) * intervals + interval) * terms;
  if (octave > octaves) {
    return Number.NaN;
  }
  const c = coefficients;
  return (
    c[start]! +
    x * (c[start + 1]! + x * (c[start + 2]! + x * (c[start + 3]! + x * (c[start + 4]! + x * c[start + 5]!))))
  );
}

/** Powers of 2, up to 2³². */
const powers = Float64Array.from({ length: 33 }, (_, exponent) => 2 ** exponent);

/** Taylor coefficients around the middle of each interval, in units of the interval's width. */
function createTable(): Float64Array {
  const table = new Float64Array(2 * octaves * intervals * terms);
  let at = 0;
  for (const isUpper of [false, true]) {
    for (let octave = 1; octave <= octaves; octave++) {
      const width = 2 ** -(octave + 7);
      for (let interval = 0; interval < intervals; interval++) {
        const distance = (intervals + interval + 0.5) * width;
        const series = isUpper
          ? gumbelSeries(1 - distance, -width, -Math.log1p(-distance))
          : gumbelSeries(distance, width, -Math.log(distance));
        table.set(series, at);
        at += terms;
      }
    }
  }
  return table;
}

/** Coefficients of `−log(−log(u + width · x))` by powers of x, given `exponential` = −log u. */
function gumbelSeries(u: number, width: number, exponential: number): number[] {
  // Of −log(u + width · x) / exponential, from that of log(1 + y).
  const inner = Array.from({ length: terms }, (_, k) => (k === 0 ? 1 : (-width / u) ** k / (k * exponential)));
  // Of the logarithm of that series s, from s · (log s)′ = s′.
  const outer = [Math.log(exponential)];
  for (let n = 1; n < terms; n++) {
    let sum = 0;
    for (let k = 1; k < n; k++) {
      sum += k * outer[k]! * inner[n - k]!;
    }
    outer.push(inner[n]! - sum / n);
  }
  return outer.map((coefficient) => -coefficient);
}
