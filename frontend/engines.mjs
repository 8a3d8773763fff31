// Each package of the lock file has to run on the oldest Node that is promised. npm itself looks at the Node that runs it only.
import { readFileSync } from "node:fs";

import semver from "semver";

const own = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const oldest = semver.minVersion(own.engines.node);
const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url), "utf8"));

const refused = Object.entries(packages).filter(
  ([, { engines }]) => engines?.node !== undefined && !semver.satisfies(oldest, engines.node),
);
for (const [name, { version, engines }] of refused) console.error(`${name} ${version} wants Node ${engines.node}, and not ${oldest}`);
process.exit(refused.length === 0 ? 0 : 1);
