// Node.js closes a connection that was idle for five seconds, and looks for such before it reads: when it was busy for so long, it closes
// those on which a request has come meanwhile. What is compared is what dynalite answers, so it is to answer.
const http = require('node:http')
const { createServer } = http
http.createServer = (...args) => {
  const server = createServer(...args)
  server.keepAliveTimeout = 10 * 60 * 1000
  return server
}
