/** The public API. Re-exports only. */

export { check } from './check.ts';
export { checkFolder } from './check-folder.ts';
export { compare } from './compare.ts';
export { compress, plan } from './compress.ts';
export { compressFolder, planFolder } from './compress-folder.ts';
export { convert } from './convert.ts';
export type {
  Asked,
  AskedOfFolder,
  AskedToCheck,
  AskedToCheckFolder,
  AskedToCompare,
  AskedToConvert,
  AskedToSense,
  Budget,
} from './core/asked.ts';
export type { Alternative, Choice } from './core/choice.ts';
export type { Conversion, ConvertedWeight } from './core/conversion.ts';
export type {
  Arithmetic,
  CacheCost,
  Cost,
  EnergyCost,
  LatencyCost,
  MemoryCost,
  OperatorCost,
  OperatorFamily,
  OperatorTime,
  ShapeOrigin,
} from './core/cost.ts';
export type { DeviceProfile, EnergyProfile, ProductFamily, Rates } from './core/device.ts';
export type { DType, Shape } from './core/dtype.ts';
export type { Feeds, Value, ValueData } from './core/engine.ts';
export { ERRORS, type ErrorCode, TersorError } from './core/error.ts';
export type { ErrorSpread } from './core/error-spread.ts';
export type {
  FolderCheck,
  FolderFacts,
  FolderFile,
  FolderModel,
  FolderReport,
  FolderTarget,
  TransformersDtype,
  TransformersLoader,
} from './core/folder-report.ts';
export type { Target } from './core/format.ts';
export type { Attribute, Graph, Node, ValueInfo, WeightId } from './core/graph.ts';
export type { Importance, Importances } from './core/importances.ts';
export type { FolderInspection, InspectedWeight, Inspection } from './core/inspection.ts';
export type { LayerKind } from './core/layers.ts';
export type { AffineLayout, DenseLayout, Layout, SparseLayout } from './core/layout.ts';
export type { Context, Declaration, Family, Method } from './core/method.ts';
export type { Execution, Model, Weight } from './core/model.ts';
export type { Option, Options } from './core/options.ts';
export type {
  AskedForPrefix,
  AskedToPack,
  AskedToUnpack,
  PackedStreamReport,
  PackReport,
  PrefixReport,
  UnpackReport,
} from './core/packing.ts';
export { type Declarations, parseRecipe } from './core/parse-recipe.ts';
export type { Phase, Progress } from './core/progress.ts';
export type { Recipe, Step } from './core/recipe.ts';
export { recipeSchema } from './core/recipe-schema.ts';
export type {
  Answer,
  Check,
  CheckRow,
  ClassDelta,
  ComparedWeight,
  Comparison,
  ConditionsReport,
  DivergenceReport,
  FileReport,
  FrontPoint,
  LabelledQuality,
  OutputQuality,
  PromiseReport,
  QualityReport,
  RepairReport,
  Report,
  RuntimeReport,
  ScoreReport,
  ShapeTiming,
  SpeedReport,
  Spread,
  SubsetsReport,
  TransferReport,
  Weighed,
  WeightReport,
  WorstSample,
} from './core/report.ts';
export type { Rule } from './core/rules.ts';
export type {
  Allocation,
  CandidateSensitivity,
  LayerSensitivity,
  PredictorReport,
  Sensitivity,
  SensitivityInputs,
  TriedSteps,
} from './core/sensitivity.ts';
export type { DenseTensor, Tensor } from './core/tensor.ts';
export type { AskedShapes } from './cost/bind-shapes.ts';
export { parseDevice } from './cost/parse-device.ts';
export { type AskedCost, cost } from './cost.ts';
export type { Evaluate, EvaluationContext, EvaluationSample, EvaluationSession } from './data/evaluation-node.ts';
export { imatrixBytes, readImatrix } from './imatrix.ts';
export { inspect } from './inspect.ts';
export { inspectFolder } from './inspect-folder.ts';
export { type AskedToMeasure, measureDevice } from './measure-device.ts';
export { METHODS, type MethodId } from './methods/registry.gen.ts';
export { pack } from './pack.ts';
export { prefix } from './prefix.ts';
export { costPage } from './report/cost-page.ts';
export { folderPage } from './report/folder-page.ts';
export { reportPage } from './report/report-page.ts';
export { sensitivityPage } from './report/sensitivity-page.ts';
export { sensitivity } from './sensitivity.ts';
export { unpack } from './unpack.ts';
