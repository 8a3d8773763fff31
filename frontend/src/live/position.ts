// The client for programs outside orders positions as the pages do.
export { type Position, isLater, laterOf, parsePosition } from "../../client/src/position.js";
