// The web application: a request becomes a job. Its worker is beside it.
import { Queue } from "bullmq"
import Fastify from "fastify"

const queue = new Queue("timed", { connection: { url: process.env.REDIS_URL } })
const app = Fastify()

const body = {
  type: "object",
  required: ["kind", "input"],
  properties: {
    kind: { const: "timed" },
    input: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
  },
}

app.post("/tasks", { schema: { body } }, async (request, reply) => {
  const job = await queue.add("timed", request.body.input)
  return reply.code(202).send({ id: job.id })
})

app.get("/ready", async () => ({ ready: true }))

await queue.waitUntilReady()
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) })
