import { fields, functionValue, number, optional, resolveOptions, text, value } from "@mmgen/core/options";
import { SingleBar } from "cli-progress";
import { lossyStream, type ProgressStream } from "./lossy-stream.js";
import { ProgressClock } from "./progress-clock.js";
import type { EpochRecord, RunDescription, StepRecord, TrainingObserver } from "./training-observer.js";

/** Options of {@link terminalProgress}. */
export interface TerminalProgressOptions {
  /** Start of each line, such as "vqvae". Default "training". */
  readonly label?: string;
  /** Default: standard error, so that standard output is free for results. */
  readonly stream?: ProgressStream;
  /** Seconds between lines where there is no terminal. Default 15. */
  readonly interval?: number;
  /** The time in ms; default `performance.now`. */
  readonly now?: () => number;
}

const terminalProgressSchema = fields({
  label: optional(text()),
  stream: optional(
    value<ProgressStream>("a writable stream", (stream) => typeof (stream as ProgressStream)?.write === "function"),
  ),
  interval: optional(number({ min: 0 })),
  now: optional(functionValue<() => number>()),
});

/**
 * Shows the progress of a run: on a terminal a bar with loss, throughput and time left; elsewhere a plain line every
 * `interval` seconds. Each evaluation gets a line of its own. What a closed or full terminal does not take is left out.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function terminalProgress(options: TerminalProgressOptions = {}): TrainingObserver {
  const resolved = resolveOptions(terminalProgressSchema, options);
  const { label = "training", interval = 15, now = () => performance.now() } = resolved;
  const stream = lossyStream(resolved.stream ?? process.stderr);
  const bar = stream.isTTY ? newBar(stream) : undefined;
  const clock = new ProgressClock(now);
  let lastLine = 0;

  const writeLine = (line: string) => {
    if (bar?.isActive) {
      // Overwrites the bar, which is drawn again under the line.
      stream.write("\r\u001b[K");
    }
    stream.write(`${line}\n`);
    bar?.update({});
  };
  const progressOf = (record: StepRecord, run: RunDescription) => {
    const rate = clock.examplesPerSecond(run);
    return {
      label,
      loss: formatMetric(record.loss),
      rate: `${formatMetric(rate)} examples/s`,
      left: clock.timeLeft(run),
    };
  };
  return {
    name: "terminalProgress",
    onStart: (run) => {
      clock.start();
      lastLine = now();
      bar?.start(run.totalSteps, run.step, { label, loss: "–", rate: "–", left: "–" });
    },
    onStep: (record, run) => {
      clock.step();
      if (bar !== undefined) {
        bar.update(record.step, progressOf(record, run));
      } else if (now() - lastLine >= interval * 1000) {
        lastLine = now();
        const { loss, rate, left } = progressOf(record, run);
        writeLine(`${label}: step ${record.step}/${run.totalSteps}, loss ${loss}, ${rate}, ${left} left`);
      }
    },
    onNotice: (notice) => writeLine(`${label}: ${notice}`),
    onEpoch: (record) => {
      writeLine(epochLine(label, record));
      clock.pause();
    },
    onEnd: (status, run) => {
      bar?.stop();
      stream.write(`${label}: ${status} after ${run.step} of ${run.totalSteps} steps, ${clock.elapsed()}\n`);
    },
  };
}

function newBar(stream: NodeJS.WritableStream): SingleBar {
  return new SingleBar({
    format: "{label} {bar} {value}/{total} | loss {loss} | {rate} | {left} left",
    stream,
    barsize: 24,
    hideCursor: true,
    linewrap: true,
    // Ctrl-C is the program's to handle.
    gracefulExit: false,
  });
}

function epochLine(label: string, { epoch, trainLoss, metrics }: EpochRecord): string {
  const named = Object.entries({ ...(trainLoss !== undefined && { "train loss": trainLoss }), ...metrics });
  const when = epoch === 0 ? "before training" : `epoch ${Number(epoch.toFixed(2))}`;
  const formatted = named.map(([name, value]) => `${name} ${formatMetric(value)}`);
  return `${label}: ${when}${formatted.length > 0 ? `: ${formatted.join(", ")}` : ""}`;
}

/** Four significant digits, without an exponent where possible. */
function formatMetric(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
