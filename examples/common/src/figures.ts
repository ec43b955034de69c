/** "8 min 20 s". */
export function minutes(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** "97.5 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1).replace(/\.0$/, "")} %`;
}

/** How long a run took. */
interface RunTime {
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** "9 min 31 s", or of a resumed run what is known: the time of its last process. */
export function trainingTime({ resumed, seconds }: RunTime): string {
  const time = minutes(Object.values(seconds).reduce((sum, stage) => sum + stage, 0));
  return resumed ? `several processes, the last of ${time}` : time;
}
