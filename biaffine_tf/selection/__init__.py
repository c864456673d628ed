"""Selection of the sentences to label next (active learning).

The score of a sentence is its uncertainty, in bits a character: the entropy of
the calibrated scores of its candidates, those below the threshold included,
divided by its length. Sentences are ordered so that every beginning of the
order is spread over labels and lengths; near-duplicates are left out.
"""
