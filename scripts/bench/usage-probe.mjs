/** Loaded into each measured process with --import: tells the benchmark what it has used, when it is asked and when it ends. */
function tell() {
  const { user, system } = process.cpuUsage();
  const usage = {
    cpu: user + system,
    rss: process.memoryUsage.rss(),
    peak: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.({ usage });
}

process.on('message', (question) => {
  if (question === 'usage') tell();
});
process.on('exit', tell);
process.channel?.unref();
