# One image for the worker, the scheduler and the command line. GPU: build with --build-arg LOCK=requirements-gpu.lock
FROM python:3.12-slim
ARG LOCK=requirements-server.lock
RUN useradd --create-home --uid 10001 screen \
    && install -d -o screen -g screen -m 700 /var/lib/dermscreen
WORKDIR /opt/dermscreen
COPY ${LOCK} requirements.lock
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY cli cli
COPY worker worker
COPY scheduler scheduler
COPY storage storage
COPY models models
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER screen
ENV DERMSCREEN_HOME=/var/lib/dermscreen PYTHONUNBUFFERED=1
VOLUME /var/lib/dermscreen
ENTRYPOINT ["screen"]
