// An agent that ends right at its start: what an upgrade must survive.
process.stderr.write('this agent is broken\n');
process.exit(1);
