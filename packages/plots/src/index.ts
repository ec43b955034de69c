export { type AccuracyChartOptions, type AccuracyPoint, accuracyChart, accuracyMargin } from "./accuracy-chart.js";
export { type CodebookUsageOptions, codebookUsage } from "./codebook-usage.js";
export { type ConfusionMatrixOptions, confusionMatrix } from "./confusion-matrix.js";
export { type ContactSheetOptions, contactSheet } from "./contact-sheet.js";
export type { CurveSeries, CurveValues } from "./curve-series.js";
export { type EmbeddingPlotOptions, embeddingPlot } from "./embedding-plot.js";
export { encodeGif, type GifOptions } from "./gif.js";
export {
  htmlReport,
  type ReportFact,
  type ReportOptions,
  type ReportSection,
  type ReportTable,
} from "./html-report.js";
export { type ImageGridOptions, imageGrid } from "./image-grid.js";
export { type ImageRowsOptions, imageRows, type ReconstructionGridOptions, reconstructionGrid } from "./image-rows.js";
export { imagePixels, type PixelImage } from "./pixels.js";
export { encodePng } from "./png.js";
export type { ReportImage } from "./report-image.js";
export { type LogoGroup, type SequenceLogosOptions, sequenceLogos } from "./sequence-logos.js";
export type { ThemeName } from "./theme.js";
export { type TimingChartOptions, timingChart } from "./timing-chart.js";
export { type CurvePanel, type TrainingCurvesOptions, trainingCurves } from "./training-curves.js";
