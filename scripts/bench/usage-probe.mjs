/** Loaded into each measured server with --import: tells the benchmark what the process has used so far. */
process.on('message', (question) => {
  if (question !== 'usage') return;
  const { user, system } = process.cpuUsage();
  const usage = {
    cpu: user + system,
    rss: process.memoryUsage.rss(),
    peak: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.({ usage });
});
process.channel?.unref();
