// The worker: its handler does nothing but read the clock, in nanoseconds since 1970.
import { Worker } from "bullmq"

const CONCURRENCY = 50 // the default is one job at a time

const now = () => Math.round((performance.timeOrigin + performance.now()) * 1e6)

const worker = new Worker(
  "timed",
  async () => {
    const started = now()
    return { started, ended: now() }
  },
  { connection: { url: process.env.REDIS_URL }, concurrency: CONCURRENCY },
)

await worker.waitUntilReady()
console.log("ready")
