# The dashboard as a container; docs/hosting.md says how to run it.
#     docker build -t mnistdash . && docker run --rm -p 8501:8501 --stop-timeout 40 mnistdash
FROM python:3.12-slim

# By number, so that a host which refuses root can tell that this is another user.
ARG USER_ID=10001
RUN useradd --uid ${USER_ID} --create-home mnistdash && install -d -o mnistdash -g mnistdash /models /cache

WORKDIR /app

# In a layer of their own: they take minutes to install, and change less often than what follows.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY .streamlit .streamlit/
COPY mnistdash mnistdash/
COPY pages pages/
COPY app.py ./
# Nobody may write here later, and every run would have to compile them anew.
RUN python -m compileall -q mnistdash
COPY --chown=mnistdash:mnistdash models/flagship /models/flagship/

# The welcome message looks up the host's public address at a web service.
ENV PYTHONUNBUFFERED=1 \
    MNISTDASH_MODELS=/models \
    XDG_CACHE_HOME=/cache \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true

# Trained models; MNIST and what was measured of this machine.
VOLUME ["/models", "/cache"]
USER ${USER_ID}
EXPOSE 8501

# Without a proxy, which containers are often given in their environment.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8501/_stcore/health', timeout=8)"]

# Without a shell in between, which would keep SIGTERM from the server: it has up to 25 seconds then, in which running
# trainings keep their best weights.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "streamlit", "run", "app.py"]
