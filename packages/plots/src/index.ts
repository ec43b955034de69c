export {
  type AccuracyChartOptions,
  type AccuracyPoint,
  accuracyChart,
  accuracyMargin,
} from "./charts/accuracy-chart.js";
export { type CodebookUsageOptions, codebookUsage } from "./charts/codebook-usage.js";
export { type ConfusionMatrixOptions, confusionMatrix } from "./charts/confusion-matrix.js";
export type { CurvePanel } from "./charts/curve-panel.js";
export type { CurveSeries, CurveValues } from "./charts/curve-points.js";
export { type EmbeddingPlotOptions, embeddingPlot } from "./charts/embedding-plot.js";
export { type LogoGroup, type SequenceLogosOptions, sequenceLogos } from "./charts/sequence-logos.js";
export { type TimingChartOptions, timingChart } from "./charts/timing-chart.js";
export { type TrainingCurvesOptions, trainingCurves } from "./charts/training-curves.js";
export { type AnimateImagesOptions, animateImages } from "./images/animate-images.js";
export { type CompletionRowsOptions, completionRows } from "./images/completion-rows.js";
export { type ContactSheetOptions, contactSheet } from "./images/contact-sheet.js";
export { type FilmStripOptions, filmStrip } from "./images/film-strip.js";
export { encodeGif, type GifOptions } from "./images/gif.js";
export { type ImageGridOptions, imageGrid } from "./images/image-grid.js";
export {
  type ImageRowsOptions,
  imageRows,
  type ReconstructionGridOptions,
  reconstructionGrid,
} from "./images/image-rows.js";
export { type MaskedImagesOptions, maskedImages } from "./images/masked-images.js";
export { encodePng, imagePixels, type PixelImage } from "./images/pixels.js";
export {
  htmlReport,
  type ReportFact,
  type ReportOptions,
  type ReportSection,
  type ReportTable,
} from "./report/html-report.js";
export type { ReportImage } from "./report/report-image.js";
export type { ThemeName } from "./svg/theme.js";
