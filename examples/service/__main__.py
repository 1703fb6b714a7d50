"""`python -m examples.service`: the service on SERVICE_HOST (127.0.0.1) and SERVICE_PORT (8000)."""

import os

import uvicorn

if __name__ == "__main__":
    uvicorn.run(
        "examples.service.app:app",
        host=os.environ.get("SERVICE_HOST", "127.0.0.1"),
        port=int(os.environ.get("SERVICE_PORT", "8000")),
    )
