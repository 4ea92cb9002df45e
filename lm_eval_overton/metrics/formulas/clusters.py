"""Units of meaning in a response set: clusters of sentence embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["CLUSTER_DISTANCE", "cluster_labels"]

# Two sentences further apart than this never share a cluster under complete linkage.
CLUSTER_DISTANCE = 0.4


def cluster_labels(
    embeddings: npt.NDArray[np.floating], distance: float = CLUSTER_DISTANCE
) -> npt.NDArray[np.int_]:
    """Return the cluster of each sentence: agglomerative, complete linkage, cosine distance.

    Args:
        embeddings: (n_sentences, dim), rows of unit length, of distinct sentences.
        distance: The largest cosine distance within a cluster, in (0, 2].

    Returns:
        (n_sentences,) labels from 0; their numbering has no meaning.
    """
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), dtype=np.int_)
    from sklearn.cluster import AgglomerativeClustering

    rows = np.asarray(embeddings, dtype=np.float64)
    distances = np.clip(1.0 - rows @ rows.T, 0.0, 2.0)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=distance
    )
    labels: npt.NDArray[np.int_] = clustering.fit_predict(distances)
    return labels
