"""The program's server, from its first line to SIGTERM."""
import os
import signal
import subprocess
import sys

from python_environment import MODEL


class RunningServer:
    def __init__(self, *options):
        arguments = [os.path.abspath(sys.argv[1]), "serve", "-m", str(MODEL), "--port", "0", "--no-progress", *options]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        self.address = None
        for line in self.process.stderr:
            if "listening at " in line:
                self.address = line.split("listening at ")[1].strip()
            if "ready at" in line:
                break
        if self.address is None:
            raise RuntimeError("the server did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        with self.process.stderr as lines:
            rest = lines.read()
        if self.process.wait(20) != 0:
            raise RuntimeError(f"the server ended with {self.process.returncode}: {rest}")
