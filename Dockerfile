# Container image of the dashboard; see docs/hosting.md.
#     docker build -t mnistdash . && docker run --rm -p 8501:8501 --stop-timeout 40 mnistdash
FROM python:3.12-slim

# A numeric id, so hosts that forbid root can check it.
ARG USER_ID=10001
RUN useradd --uid ${USER_ID} --create-home mnistdash && install -d -o mnistdash -g mnistdash /models /cache

WORKDIR /app

# A separate layer: packages take minutes to install and change rarely.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY .streamlit .streamlit/
COPY mnistdash mnistdash/
COPY pages pages/
COPY app.py ./
# The folder is read-only later, so compile now.
RUN python -m compileall -q mnistdash
COPY --chown=mnistdash:mnistdash models/flagship /models/flagship/

# The welcome message would look up the public address at a web service.
ENV PYTHONUNBUFFERED=1 \
    MNISTDASH_MODELS=/models \
    XDG_CACHE_HOME=/cache \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true

# Runs; MNIST and training speeds of this machine.
VOLUME ["/models", "/cache"]
USER ${USER_ID}
EXPOSE 8501

# Bypass a proxy from the environment.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8501/_stcore/health', timeout=8)"]

# No shell, which would not forward SIGTERM to the server.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "streamlit", "run", "app.py"]
