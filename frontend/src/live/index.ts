export type { Mount } from "./feed";
export type { FullTaskEvent, HintEvent, LiveEvent, TaskLiveEvent } from "./events";
export { isOfTask } from "./events";
export { type Position, isLater } from "./position";
export { batchRow, isFinal, newRow, reduceBatch, reduceBatches, reduceCounts, reduceRow, reduceRows } from "./reduce";
export { type Change, useChange } from "./useChange";
export { type Screen, type ScreenOptions, useScreen } from "./useScreen";
export type { ScreenData } from "./upToDate";
