// `npm run client` writes the types of the core document twice: for the web app, which leaves out what it follows by other means, and
// for the client, which has all of them. The app takes those of the client, so that each is declared once.
import { readFileSync, writeFileSync } from "node:fs";

const SHARED = "client/src/api/types.gen.ts";
const APP = "src/api/core/types.gen.ts";

const declarations = (path) => readFileSync(path, "utf8").split(/^(?=export type )/m);
const shared = new Set(declarations(SHARED));
const missing = declarations(APP).filter((declaration) => !shared.has(declaration));
if (missing.length > 0) throw new Error(`${SHARED} does not have what ${APP} declares: ${missing.join("")}`);
writeFileSync(APP, "// The types of the core document are those of the client.\n\nexport type * from '../../../client/src/api/types.gen';\n");
